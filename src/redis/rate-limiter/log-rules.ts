import { logged, toldError } from "../../kernel/log-line.js";
import type { LogRules } from "../../kernel/log-rule.js";
import { refused } from "../../rate-limiter/log-rules.js";
import type { RateLimiterEvents } from "../../rate-limiter/report.js";
import type { StoreEvents } from "../store/store.js";

/** How the events of a shared limiter are logged, without the keys. */
export const logRules: LogRules<RateLimiterEvents & StoreEvents> = {
  acquired: true,
  rejected: refused,
  down: logged("warn", ({ cause }) => ({ message: "the store does not answer", fields: toldError(cause) })),
  up: logged("info", () => ({ message: "the store answers again" })),
};
