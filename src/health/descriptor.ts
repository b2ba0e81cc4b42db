import { logged } from "../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../kernel/descriptor.js";
import { Health } from "./health.js";
import { type HealthOptions, healthRules, liveRules } from "./options.js";
import type { HealthEvents } from "./report.js";

export const section: SectionDescriptor = { rules: sectionRules(healthRules) };

export const component: ComponentDescriptor<Health, HealthEvents> = {
  kind: "health",
  events: {
    change: logged("warn", ({ name, ok, seconds }) => ({
      level: ok ? "info" : "warn",
      message: `${name} ${ok ? "passes" : "fails"}`,
      fields: { check: name, ok, seconds },
    })),
  },
  configured: { section: "health", rules: healthRules, live: Object.keys(liveRules) },
  make: (options: HealthOptions) => new Health(options),
};

export const meanings: Meanings = {
  means: "Answers whether the process has started, is alive and is ready for traffic.",
  options: { checkTimeout: { means: "how long a check may take that has no timeout of its own" } },
};
