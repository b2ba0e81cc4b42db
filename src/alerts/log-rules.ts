import { logged, toldError } from "../kernel/log-line.js";
import type { LogRules } from "../kernel/log-rule.js";
import type { AlertManagerEvents } from "./events.js";

/** How the events of a manager are logged, without titles, keys and texts of alerts. */
export const logRules: LogRules<AlertManagerEvents> = {
  sent: logged("debug", ({ channel, level, count }) => ({
    message: `${channel} has delivered a message`,
    fields: { channel, alertLevel: level, count },
  })),
  failed: logged("warn", ({ channel, error }) => ({
    message: `${channel} could not deliver a message`,
    fields: { channel, ...toldError(error) },
  })),
  dropped: logged("warn", ({ channel, count }) => ({
    message: `${count} alerts for ${channel} are lost`,
    fields: { channel, count },
  })),
  forgotten: logged("warn", () => ({ message: "the end of the oldest problem will not be told" })),
};
