import { brandError, ResilienceError } from "../kernel/errors.js";

/** The base of the watchdog's errors. `code`: `ERR_WATCHDOG_INTERRUPTED` of code that a Ctrl-C ended, else `ERR_WATCHDOG`. */
export class WatchdogError extends ResilienceError {
  constructor(message: string, options?: ErrorOptions & { readonly code?: string }) {
    super(options?.code ?? "ERR_WATCHDOG", message, options);
  }
}
brandError(WatchdogError, "WatchdogError");

/** The watched work gave no sign of life for the whole timeout. `code`: `ERR_WATCHDOG_TIMEOUT`. */
export class WatchdogTimeoutError extends WatchdogError {
  /** Seconds without a ping when the watchdog gave up. */
  readonly secondsInactive: number;
  /** Where the thread hung, when it was blocked and its stack could be had. */
  readonly stackOfFrozenThread?: string;

  constructor(name: string, secondsInactive: number, stackOfFrozenThread?: string) {
    super(
      `${name} was not pinged for ${secondsInactive.toFixed(1)} s. Call ping() more often, or allow a longer timeout.`,
      { code: "ERR_WATCHDOG_TIMEOUT" },
    );
    this.secondsInactive = secondsInactive;
    if (stackOfFrozenThread !== undefined) this.stackOfFrozenThread = stackOfFrozenThread;
  }
}
brandError(WatchdogTimeoutError, "WatchdogTimeoutError");
