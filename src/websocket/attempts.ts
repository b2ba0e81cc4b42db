import { fraction } from "../kernel/rules.js";
import { backoff } from "../policies/retry/backoff.js";
import { ask } from "./ask.js";
import type { WebSocketManagerError } from "./errors.js";
import type { DisconnectInfo } from "./events.js";
import type { WebSocketManagerSettings } from "./options.js";

/** The ends of a server that goes away or has too much to do, which its other clients share: RFC 6455, 7.4, and IANA. */
const SHARED: ReadonlySet<number> = new Set([1001, 1006, 1012, 1013]);

/** A `Retry-After` is obeyed up to this: a mistake in it must not end the connection for good. Seconds. */
const LONGEST_REQUEST = 86_400;

/** Decides whether there is another attempt, and when. */
export class Attempts {
  readonly #settings: WebSocketManagerSettings;
  /** Others have probably lost their connections as well. */
  #isShared = false;
  /** Failed attempts, and connections that did not last, in a row. */
  failed = 0;
  /** How many delays there were in a row. */
  #delays = 0;

  constructor(settings: WebSocketManagerSettings) {
    this.#settings = settings;
  }

  /** A connection has lasted, or the application begins anew. */
  reset(): void {
    this.failed = this.#delays = 0;
    this.#isShared = false;
  }

  /**
   * The delay of the next attempt in milliseconds; `undefined`: there is none.
   *
   * @param error why an attempt or a connection failed.
   * @param disconnect how a connection ended; without it, an attempt has failed.
   */
  next(error: WebSocketManagerError | undefined, disconnect: DisconnectInfo | undefined): number | undefined {
    const { status, retryAfter } = error ?? {};
    const { name, reconnect, random, shouldReconnect } = this.#settings;
    if (disconnect !== undefined) {
      // Without a word or with one of these codes; what this side found to be wrong is its own.
      const isOwn = disconnect.reason === "ping-timeout" || error !== undefined;
      this.#isShared = !isOwn && SHARED.has(disconnect.code);
    }
    if (error?.code === "ERR_WEBSOCKET_UNAVAILABLE" || this.failed >= (reconnect.maxAttempts ?? Infinity))
      return undefined;
    const attempt = this.failed + 1;
    const info = Object.freeze({ disconnect, error, status, retryAfter, attempt });
    const least = ask(name, "shouldReconnect", () => shouldReconnect?.(info));
    if (least === false) return undefined;
    const share = ask(name, "random", () => fraction((random ?? Math.random)())) ?? Math.random();
    const { delay: first, maxDelay: max, spread } = reconnect;
    const initial = this.#isShared ? Math.max(first, spread) : first;
    const drawn = backoff({ initial, factor: 2, max, jitter: "full" }, ++this.#delays, undefined, share);
    // Beyond what was asked for: others were told the same.
    const delay = drawn + 1000 * Math.min(retryAfter ?? 0, LONGEST_REQUEST);
    return typeof least === "number" && Number.isFinite(least) ? Math.max(delay, least * 1000) : delay;
  }
}
