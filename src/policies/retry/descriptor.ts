import { logged, told, toldOutcome } from "../../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../../kernel/descriptor.js";
import { liveRules, type RetryOptions, retryRules } from "./options.js";
import type { RetryEvents } from "./report.js";
import { RetryBudget, type RetryBudgetEvents, type RetryBudgetOptions } from "./retry-budget.js";
import { Retry } from "./retry.js";

export const section: SectionDescriptor = { rules: sectionRules(retryRules) };

export const component: ComponentDescriptor<Retry, RetryEvents> = {
  kind: "retry",
  events: {
    retry: logged("debug", ({ attempt, delay, outcome }) => ({
      message: `attempt ${attempt} failed; the next one in ${told(delay)}`,
      fields: { attempt, delay, ...toldOutcome(outcome) },
    })),
    exhausted: logged("info", ({ attempts, outcome }) => ({
      message: `gave up after ${attempts} attempts`,
      fields: { attempts, ...toldOutcome(outcome) },
    })),
    suppressed: logged("warn", ({ attempts, outcome }) => ({
      message: `no budget left after attempt ${attempts}`,
      fields: { attempts, ...toldOutcome(outcome) },
    })),
  },
  configured: { section: "retry", rules: retryRules, live: Object.keys(liveRules) },
  make: (options: RetryOptions) => new Retry(options),
};

export const budgetComponent: ComponentDescriptor<RetryBudget, RetryBudgetEvents> = {
  kind: "retry-budget",
  events: {
    // The retry or hedge that asked logs it.
    suppressed: true,
  },
  make: (options: RetryBudgetOptions) => new RetryBudget(options),
};

export const meanings: Meanings = {
  means: "Calls a function again when it fails, after a growing delay.",
  options: {
    attempts: { means: "how often it is called at most, the first call included" },
    delay: { means: "how long it waits: a fixed duration, or { initial, factor, max, jitter }" },
    maxDuration: { means: "no attempt begins after this time since the first", example: "30s" },
    onOpen: { means: "when a circuit breaker inside is open: stop, or wait until it allows a probe" },
    budget: {
      means: "extra attempts of all calls together: { ratio, min_per_second, window, max_in_flight_ratio }",
      example: "{ ratio: 0.2 }",
    },
  },
  instances: "payment-api: { attempts: 2, delay: { initial: 50ms } }",
};
