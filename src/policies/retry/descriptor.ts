import { logged, told, toldOutcome } from "../../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../../kernel/descriptor.js";
import { liveRules, type RetryOptions, retryRules } from "./options.js";
import type { RetryEvents } from "./report.js";
import {
  liveRules as liveBudgetRules,
  RetryBudget,
  type RetryBudgetEvents,
  type RetryBudgetOptions,
  retryBudgetRules,
} from "./retry-budget.js";
import { Retry } from "./retry.js";

export const section: SectionDescriptor = { rules: sectionRules(retryRules) };

export const budgetSection: SectionDescriptor = { rules: sectionRules(retryBudgetRules) };

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
  configured: { section: "retryBudget", rules: retryBudgetRules, live: Object.keys(liveBudgetRules) },
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
      means: "limits its extra attempts: options of its own budget, or the name of one in retry_budget",
      example: "{ ratio: 0.2 }",
    },
  },
  instances: "payment-api: { attempts: 2, delay: { initial: 50ms } }",
};

export const budgetMeanings: Meanings = {
  means: "Limits the extra attempts of all retries and hedges that name it in `budget`.",
  options: {
    ratio: { means: "how many extra attempts there may be for each call" },
    minPerSecond: { means: "extra attempts a second that are always allowed" },
    window: { means: "the time over which calls and extra attempts are counted" },
    maxInFlightRatio: {
      means: "the largest share of the calls under way that may be extra attempts",
      example: "0.5",
    },
  },
  instances: "payment-api: { ratio: 0.1 }",
};
