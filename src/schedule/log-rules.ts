import { logged, toldError } from "../kernel/log-line.js";
import type { LogRules } from "../kernel/log-rule.js";
import type { TimeTriggerEvents } from "./events.js";

/** How the events of a trigger are logged. */
export const logRules: LogRules<TimeTriggerEvents> = {
  boundary: logged("warn", ({ boundary, missed }) => ({
    level: missed > 0 ? "warn" : "debug",
    message: `${boundary.toISOString()}${missed > 0 ? `, ${missed} before it were missed` : ""}`,
    fields: { missed },
  })),
  overrun: logged("warn", ({ boundary }) => ({
    message: `a callback was still running at ${boundary.toISOString()}`,
  })),
  error: logged("warn", ({ error }) => ({ message: "a callback failed", fields: toldError(error) })),
};
