import { fraction } from "../kernel/rules.js";
import { warn } from "../kernel/warning.js";
import { backoff } from "../policies/retry/backoff.js";
import { WebSocketManagerError } from "./errors.js";
import type { DisconnectInfo } from "./events.js";
import type { WebSocketManagerSettings } from "./options.js";

/** Whether there is nothing to connect with, now or later. */
export function isUnavailable(error: unknown): error is WebSocketManagerError {
  return error instanceof WebSocketManagerError && error.code === "ERR_WEBSOCKET_UNAVAILABLE";
}

/** Decides whether there is another attempt, and when. */
export class Attempts {
  readonly #settings: WebSocketManagerSettings;
  /** Failed attempts, and connections that did not last, in a row. */
  failed = 0;
  /** The one that is next. */
  attempt = 1;

  constructor(settings: WebSocketManagerSettings) {
    this.#settings = settings;
  }

  /** A connection has lasted, or the application begins anew. */
  reset(): void {
    this.failed = 0;
  }

  /** The delay of the next attempt in milliseconds; `undefined`: there is none. */
  next(
    error: Error | undefined,
    disconnect: DisconnectInfo | undefined,
    status: number | undefined,
  ): number | undefined {
    const { name, reconnect, random, shouldReconnect } = this.#settings;
    if (isUnavailable(error) || this.failed >= (reconnect.maxAttempts ?? Infinity)) return undefined;
    this.attempt = this.failed + 1;
    const { attempt } = this;
    let least: unknown;
    let drawn = Math.random();
    try {
      least = shouldReconnect?.(Object.freeze({ disconnect, error, status, attempt }));
      if (random !== undefined) drawn = fraction(random());
    } catch (thrown) {
      const what = `shouldReconnect or random of websocket ${JSON.stringify(name)} failed`;
      warn("KSTLIB_LISTENER_FAILED", what, thrown);
    }
    if (least === false) return undefined;
    const { delay: initial, maxDelay: max } = reconnect;
    const delay = backoff({ initial, factor: 2, max, jitter: "full" }, attempt, undefined, drawn);
    return typeof least === "number" && Number.isFinite(least) ? Math.max(delay, least * 1000) : delay;
  }
}
