import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../../kernel/descriptor.js";
import { logged } from "../../kernel/log-line.js";
import { Bulkhead, type BulkheadEvents } from "./bulkhead.js";
import { type BulkheadOptions, bulkheadRules, liveRules } from "./options.js";

export const section: SectionDescriptor = { rules: sectionRules(bulkheadRules) };

export const component: ComponentDescriptor<Bulkhead, BulkheadEvents> = {
  kind: "bulkhead",
  events: { admitted: true, rejected: logged("debug", () => ({ message: "refused a call: full" })) },
  configured: { section: "bulkhead", rules: bulkheadRules, live: Object.keys(liveRules) },
  make: (options: BulkheadOptions) => new Bulkhead(options),
};

export const meanings: Meanings = {
  means: "Limits how many calls run at once.",
  options: {
    maxConcurrent: { means: "how many calls run at once" },
    maxQueue: { means: "how many calls may wait for one of them to end; the others are refused" },
    queueTimeout: { means: "how long a call may wait", example: "1s" },
  },
  instances: "reports: { max_concurrent: 4, max_queue: 20 }",
};
