import { brandError, ResilienceError } from "../kernel/errors.js";

/** Base class of the watchdog's errors. `code`: `ERR_WATCHDOG_INTERRUPTED` if a Ctrl-C ended the code, else `ERR_WATCHDOG`. */
export class WatchdogError extends ResilienceError {
  constructor(message: string, options?: ErrorOptions & { readonly code?: string }) {
    super(options?.code ?? "ERR_WATCHDOG", message, options);
  }
}
brandError(WatchdogError, "WatchdogError");

/** The watched work was not pinged for the whole timeout. `code`: `ERR_WATCHDOG_TIMEOUT`. */
export class WatchdogTimeoutError extends WatchdogError {
  /** Seconds without a ping when the timeout was found. */
  readonly secondsInactive: number;
  /** Where the thread was blocked, if its stack could be taken. */
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
