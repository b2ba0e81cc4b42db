import type { Delivery } from "./alert.js";
import { unlikeSecret } from "./nested.js";

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

/** Throws unless it is a channel. */
export function checkChannel(value: unknown, label: string): asserts value is AlertChannel {
  const { name, deliver } = Object(value) as Partial<AlertChannel>;
  if (typeof name === "string" && name !== "" && typeof deliver === "function") return;
  throw unlikeSecret(label, "a channel with name and deliver", value);
}

/** Channels given in code, checked. */
export function checkChannels(value: readonly unknown[], label: string): readonly AlertChannel[] {
  for (const [index, one] of value.entries()) checkChannel(one, `${label}[${index}]`);
  return value as readonly AlertChannel[];
}
