import type { Delivery } from "./alert.js";

/** Where alerts go. Implement it for a channel of your own. */
export interface AlertChannel {
  /** Names the channel in results and messages, and selects it in `send`. */
  readonly name: string;
  /**
   * Delivers one alert; called for one at a time. What it rejects with is tried again, unless it has `retryable: false`;
   * a `retryAfter` in seconds is obeyed.
   *
   * @returns an identifier of the message, if there is one.
   */
  deliver(alert: Delivery, context: { readonly signal: AbortSignal }): Promise<string | undefined | void>;
}
