import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../../kernel/descriptor.js";
import { logged } from "../../kernel/log-line.js";
import { Bulkhead } from "./bulkhead.js";
import { type BulkheadOptions, bulkheadRules, liveRules } from "./options.js";
import type { BulkheadEvents } from "./report.js";

export const section: SectionDescriptor = { rules: sectionRules(bulkheadRules) };

export const component: ComponentDescriptor<Bulkhead, BulkheadEvents> = {
  kind: "bulkhead",
  events: { rejected: logged("debug", () => ({ message: "refused a call: full" })) },
  configured: { section: "bulkhead", rules: bulkheadRules, live: Object.keys(liveRules) },
  make: (options: BulkheadOptions) => new Bulkhead(options),
};

export const meanings: Meanings = {
  means: "Lets so many calls run at once; others wait or are refused.",
  options: {
    maxConcurrent: { means: "how many calls may be under way" },
    maxQueue: { means: "how many calls may wait for one of them to end" },
    queueTimeout: { means: "how long a call may wait", example: "1s" },
  },
  instances: "payment-api: { max_concurrent: 5, max_queue: 20 }",
};
