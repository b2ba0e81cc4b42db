import type { Clock, Timer } from "../kernel/clock.js";
import { tellMade } from "../kernel/configured.js";
import type { OptionRules } from "../kernel/options.js";
import { text } from "../kernel/rules.js";
import {
  resolveWatchdog,
  type WatchdogChanges,
  type WatchdogOptions,
  watchdogRules,
  type WatchdogSettings,
} from "./options.js";
import { Watchdog } from "./watchdog.js";

const eventLoopRules: OptionRules<WatchdogSettings> = { ...watchdogRules, name: text("event loop") };

const PINGS_PER_TIMEOUT = 4;
const LONGEST_INTERVAL = 1000;

/** A watchdog that a timer of the watched event loop pings. */
class EventLoopWatchdog extends Watchdog {
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(settings: WatchdogSettings) {
    super(undefined, settings);
    this.#clock = settings.clock;
  }

  override start(): void {
    if (this.isRunning) return;
    super.start();
    this.#pingLater();
  }

  override stop(): void {
    super.stop();
    // Afterwards, because a callback of the last report may have restarted it, which sets another timer.
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  override update(changes: WatchdogChanges): void {
    super.update(changes);
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#pingLater();
  }

  #pingLater(): void {
    const interval = Math.min((this.timeout * 1000) / PINGS_PER_TIMEOUT, LONGEST_INTERVAL);
    const wake = (): void => {
      // First, because the ping may call a listener of `recover` that stops the watchdog.
      this.#pingLater();
      this.ping();
    };
    this.#timer = this.#clock.setTimer(wake, interval, { ref: false });
  }
}

/**
 * Watches the event loop of the calling thread: returns a started {@link Watchdog} that pings itself by a timer of
 * that loop, four times in a `timeout` and at least once a second. One call for each thread is enough, also in
 * a worker thread; another call makes another watchdog. It does not keep the process alive.
 *
 * It finds a blocked loop and reports to stderr what blocks it: JavaScript that does not return (`blocked-js`; with its
 * stack on the main thread), or a system call, a child process or native code (`blocked-native`). It does not see work
 * that hangs while the loop runs, such as a promise that never settles: for that, ping a `Watchdog` from the work.
 * Because the time counts from the last ping, a block may be found that is up to one interval shorter than `timeout`.
 *
 * With a custom clock, or where no thread can be started, a block is found only after it has ended, if at all.
 *
 * @param options those of a `Watchdog`; the default of `name` is `"event loop"`.
 * @throws TypeError or RangeError for an option that is not right; the message names it.
 * @example
 * ```ts
 * import { watchEventLoop } from "@kstlib/resilience";
 *
 * const watch = watchEventLoop({ timeout: 5 });
 * watch.on("timeout", ({ kind, stack }) => console.error("the loop was blocked:", kind, stack));
 * console.assert(watch.isRunning);
 * watch.stop(); // ends the pings, too
 * ```
 */
export function watchEventLoop(options?: WatchdogOptions): Watchdog {
  const watchdog = new EventLoopWatchdog(resolveWatchdog("watchEventLoop", eventLoopRules, options));
  tellMade(watchdog, "watchdog", options);
  watchdog.start();
  return watchdog;
}
