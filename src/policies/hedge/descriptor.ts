import { logged, toldOutcome } from "../../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../../kernel/descriptor.js";
import { Hedge } from "./hedge.js";
import { liveRules, type HedgeOptions, hedgeRules } from "./options.js";
import type { HedgeEvents } from "./report.js";

export const section: SectionDescriptor = { rules: sectionRules(hedgeRules) };

export const component: ComponentDescriptor<Hedge, HedgeEvents> = {
  kind: "hedge",
  events: {
    hedge: logged("debug", ({ attempt, outcome }) => ({
      message: `attempt ${attempt} starts`,
      fields: { attempt, ...toldOutcome(outcome) },
    })),
    won: logged("debug", ({ attempt }) => ({ message: `attempt ${attempt} has won`, fields: { attempt } })),
    suppressed: logged("warn", ({ attempts }) => ({
      message: `no budget left after attempt ${attempts}`,
      fields: { attempts },
    })),
  },
  configured: { section: "hedge", rules: hedgeRules, live: Object.keys(liveRules) },
  make: (options: HedgeOptions) => new Hedge(options),
};

export const meanings: Meanings = {
  means: "Starts another call beside a slow one, and takes the first success.",
  options: {
    delay: {
      means: "how long a call may take before another starts: a duration, or { percentile, min, max }",
    },
    maxHedges: { means: "how many calls may start beside the first" },
    budget: {
      means: "limits its extra attempts: options of its own budget, or the name of one in retry_budget",
      example: "{ ratio: 0.05 }",
    },
  },
  instances: "quotes: { delay: 50ms }",
};
