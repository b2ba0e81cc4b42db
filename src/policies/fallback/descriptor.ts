import { logged, toldOutcome } from "../../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../../kernel/descriptor.js";
import { Fallback, type FallbackEvents } from "./fallback.js";
import { type FallbackOptions, fallbackRules } from "./options.js";

export const section: SectionDescriptor = { rules: sectionRules(fallbackRules) };

export const component: ComponentDescriptor<Fallback<unknown>, FallbackEvents> = {
  kind: "fallback",
  events: {
    fallback: logged("info", ({ outcome, source }) => ({
      message: `answered with ${source === "value" ? "the fallback" : "the last good result"}`,
      fields: { source, ...toldOutcome(outcome) },
    })),
  },
  configured: { section: "fallback", rules: fallbackRules },
  make: (options: FallbackOptions) => new Fallback(options),
};

export const meanings: Meanings = {
  means: "Answers in place of a call that fails.",
  options: {
    to: { means: "the value to answer with", example: "null" },
    lastGood: {
      means: "answers with the last good result: { max_age, max_keys }",
      example: "{ max_age: 1m }",
    },
  },
  instances: "prices: { to: [], last_good: { max_age: 5m } }",
};
