import { logged, told } from "../../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../../kernel/descriptor.js";
import { liveRules, type TimeoutOptions, timeoutRules } from "./options.js";
import { Timeout, type TimeoutEvents } from "./timeout.js";

export const section: SectionDescriptor = { rules: sectionRules(timeoutRules) };

export const component: ComponentDescriptor<Timeout, TimeoutEvents> = {
  kind: "timeout",
  events: {
    timeout: logged("warn", ({ error: { seconds, late } }) => ({
      message: `no result within ${told(seconds)}${late > seconds / 2 ? `; the timer was ${told(late)} late` : ""}`,
      fields: { seconds, late },
    })),
  },
  configured: { section: "timeout", rules: timeoutRules, live: Object.keys(liveRules) },
  make: (options: TimeoutOptions) => new Timeout(options),
};

export const meanings: Meanings = {
  means: "Ends a call that takes too long.",
  options: {
    timeout: { means: "how long a call may take" },
    cooperative: { means: "waits for the work to settle after its time is over" },
  },
  instances: "payment-api: { timeout: 2s }",
};
