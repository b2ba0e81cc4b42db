import { logged, told } from "../kernel/log-line.js";
import type { LogRule } from "../kernel/log-rule.js";

/** Without the key, which may be a secret or an address. */
export const refused: LogRule<{ readonly cost: number; readonly retryAfter: number }> = logged(
  "debug",
  ({ cost, retryAfter }) => ({
    message: `refused a request for ${told(retryAfter)}`,
    fields: { cost, retryAfter },
  }),
);
