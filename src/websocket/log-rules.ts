import { logged, told, toldError } from "../kernel/log-line.js";
import type { LogRules } from "../kernel/log-rule.js";
import type { WebSocketManagerEvents } from "./events.js";

/** How the events of a manager are logged; nothing of what the server sends is. */
export const logRules: LogRules<WebSocketManagerEvents> = {
  connect: logged("info", ({ connects, isHandover }) => ({
    message: isHandover ? "connected anew, for a handover" : "connected",
    fields: { connects, isHandover },
  })),
  disconnect: logged("warn", ({ reason, code, wasProactive }) => ({
    level: wasProactive ? "info" : "warn",
    message: `disconnected (${reason}, ${code})`,
    fields: { reason, closeCode: code },
  })),
  message: true,
  reconnecting: logged("info", ({ attempt, delay }) => ({
    message: `attempt ${attempt} in ${told(delay)}`,
    fields: { attempt, delay },
  })),
  gap: logged("warn", ({ seconds }) => ({
    message: `messages of ${told(seconds)} may be missing`,
    fields: { seconds },
  })),
  dropped: logged("warn", ({ direction, count }) => ({
    message: `lost ${count} ${direction} messages`,
    fields: { direction, count },
  })),
  error: logged("warn", (error) => ({ message: "could not connect", fields: toldError(error) })),
};
