import { brandError, ResilienceError } from "../kernel/errors.js";

/** What is known of a delivery that failed. */
export interface DeliveryFailure {
  /** Whether another attempt may succeed. */
  readonly retryable: boolean;
  /** The status of an HTTP answer, or the reply code of a mail server. */
  readonly status?: number | undefined;
  /** How many seconds the receiver asks to wait. */
  readonly retryAfter?: number | undefined;
}

/** A channel could not deliver an alert. Neither the message nor a property contains a secret. */
export class AlertDeliveryError extends ResilienceError {
  declare readonly code: "ERR_ALERT_DELIVERY";
  readonly channel: string;
  readonly retryable: boolean;
  readonly status: number | undefined;
  readonly retryAfter: number | undefined;

  constructor(channel: string, reason: string, { retryable, status, retryAfter }: DeliveryFailure) {
    super("ERR_ALERT_DELIVERY", `the alert could not be delivered to ${channel}: ${reason}`);
    this.channel = channel;
    this.retryable = retryable;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

brandError(AlertDeliveryError, "AlertDeliveryError");

/** Why a delivery has failed, for a warning: the message of an error of this package, which contains no secret. */
export function reasonOf(error: unknown): string {
  try {
    if (error instanceof ResilienceError) return error.message;
  } catch {
    // It cannot be read.
  }
  return "a listener of failed gets the error, which may contain a secret";
}
