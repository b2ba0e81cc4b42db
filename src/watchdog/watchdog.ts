import { realClock } from "../kernel/clock.js";
import type { Component, Snapshot } from "../kernel/component.js";
import { configuredLayers } from "../kernel/configured.js";
import { Events, type Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { runContained, warn } from "../kernel/warning.js";
import { superviseByClock } from "./clock-supervision.js";
import { timeoutSentence } from "./freeze-report.js";
import { superviseByThread } from "./monitor.js";
import { checkTogether, type WatchdogOptions, watchdogRules, type WatchdogSettings } from "./options.js";
import type { StateFileOptions } from "./state-file-options.js";
import { StateFileWatchdog } from "./state-file-watchdog.js";
import type { Expiry, Supervision } from "./supervision.js";
import type { RecoverInfo, TimeoutInfo } from "./timeout-info.js";
import { PINGS, WatchCells } from "./watch-cells.js";

/** The events of a {@link Watchdog}. */
export interface WatchdogEvents {
  readonly timeout: TimeoutInfo;
  readonly recover: RecoverInfo;
}

/** Counts and times of one watchdog; times are seconds on the monotonic clock (`performance.now() / 1000`). */
export interface WatchdogStats {
  readonly pingsTotal: number;
  readonly timeoutsTriggered: number;
  /** When the last ping was first seen, to the precision of `pollInterval`; `null` before the first. */
  readonly lastPingTime: number | null;
  /** When `start()` was called last; `null` before. */
  readonly startTime: number | null;
  /** Seconds since `start()`, or from `start()` to `stop()`; 0 before. */
  readonly uptime: number;
}

/** What a {@link Watchdog} says of itself. */
export interface WatchdogSnapshot extends Snapshot, WatchdogStats {
  readonly kind: "watchdog";
  readonly running: boolean;
  readonly triggered: boolean;
  /** Seconds. */
  readonly timeout: number;
  readonly secondsSincePing: number;
}

const LAST_COUNT = 2 ** 32 - 1;
const LAP = 2 ** 32;

// A run of a context makes a watchdog of settings that were checked when the context was made.
const checked = new WeakSet<object>();

/** Lets {@link Watchdog} take these settings as they are. */
export function markChecked(settings: WatchdogSettings): WatchdogSettings {
  checkTogether(settings);
  checked.add(settings);
  return settings;
}

function settle(options: WatchdogOptions | WatchdogSettings | undefined): WatchdogSettings {
  if (options !== undefined && checked.has(options)) return options as WatchdogSettings;
  const layers = configuredLayers("watchdog", options);
  return markChecked(resolveOptions<WatchdogSettings>("Watchdog", watchdogRules, options, layers));
}

/**
 * Finds out when work stops giving signs of life, also when the whole thread is frozen: one monitor thread
 * watches all watchdogs of a thread, a ping is one atomic increment. It does not keep the process alive.
 *
 * A frozen thread is reported to stderr at once; `onTimeout` runs when the thread is back, or right away when
 * only the work hangs. A ping after a timeout arms the watchdog again.
 *
 * @example
 * ```ts
 * import { Watchdog } from "@kstlib/resilience";
 *
 * {
 *   using watchdog = new Watchdog({ timeout: 30, onTimeout: (info) => console.error(info.kind, info.stack) });
 *   watchdog.start();
 *   for (const item of ["a", "b", "c"]) {
 *     watchdog.ping();
 *     console.log("processing", item);
 *   }
 * }
 * ```
 */
export class Watchdog implements Component, Disposable {
  readonly name: string;
  readonly #settings: WatchdogSettings;
  readonly #cells = new WatchCells();
  readonly #counters = this.#cells.counters;
  readonly #events: Events<WatchdogEvents>;
  #supervision: Supervision | undefined;
  #laps = 0;
  #timeouts = 0;
  #triggeredAt: number | undefined;
  #startedAt: number | undefined;
  #stoppedAt = 0;
  #periodBegan: number;
  /** The count of pings that was seen last, and when it was first seen. */
  #noticed: { readonly pings: number; readonly at: number } | undefined;

  /**
   * Watches another process through the heartbeat file that it writes; starts at once.
   *
   * @param file the path of the file.
   */
  static fromStateFile(file: string, options?: StateFileOptions): StateFileWatchdog {
    const watchdog = new StateFileWatchdog(file, options);
    watchdog.start();
    return watchdog;
  }

  /** @throws TypeError or RangeError for an option that is not right; the message names it. */
  constructor(options?: WatchdogOptions) {
    this.#settings = settle(options);
    this.name = this.#settings.name;
    this.#events = new Events<WatchdogEvents>(`watchdog ${this.name}`, ["timeout", "recover"]);
    this.#periodBegan = this.#now();
  }

  /** Whether the watchdog watches. */
  get isRunning(): boolean {
    return this.#supervision !== undefined;
  }

  /** Whether it has timed out and not been pinged since; after a freeze this is true before `onTimeout` runs. */
  get isTriggered(): boolean {
    return this.#cells.isTriggered;
  }

  /**
   * Seconds since the last ping, or since the start when there was none. A ping reads no clock, so this is the
   * time since it was first seen: at most one `pollInterval` too little, never too much.
   */
  get secondsSincePing(): number {
    return (this.#now() - Math.max(this.#periodBegan, this.#lastPing() ?? 0)) / 1000;
  }

  get stats(): WatchdogStats {
    const startedAt = this.#startedAt;
    const end = this.isRunning ? this.#now() : this.#stoppedAt;
    const lastPing = this.#lastPing();
    return Object.freeze({
      pingsTotal: this.#laps * LAP + this.#cells.pings,
      timeoutsTriggered: this.#timeouts,
      lastPingTime: lastPing === undefined ? null : lastPing / 1000,
      startTime: startedAt === undefined ? null : startedAt / 1000,
      uptime: startedAt === undefined ? 0 : (end - startedAt) / 1000,
    });
  }

  /** Begins to watch, with a whole timeout from now; does nothing while it watches already. */
  start(): void {
    if (this.isRunning) return;
    this.#begin();
    this.#startedAt = this.#now();
    const { clock } = this.#settings;
    const subject = {
      ...this.#settings,
      cells: this.#cells,
      expired: (expiry: Expiry) => this.#expired(expiry),
    };
    this.#supervision = clock === realClock ? superviseByThread(subject) : superviseByClock(subject, clock);
  }

  /** Ends watching; a freeze that was found and not told yet is told first. Does nothing when it is not watching. */
  stop(): void {
    this.#supervision?.catchUp();
    // A callback of what was just told may have stopped it.
    if (this.#supervision === undefined) return;
    this.#supervision.end();
    this.#supervision = undefined;
    this.#stoppedAt = this.#now();
  }

  /** Says that the work goes on. After a timeout this arms the watchdog again. */
  ping(): void {
    if (Atomics.add(this.#counters, PINGS, 1) === LAST_COUNT) this.#laps++;
    if (this.#triggeredAt !== undefined) this.#recover();
  }

  /** Begins a new period as if just started, without counting a ping or telling of a recovery. */
  reset(): void {
    this.#supervision?.catchUp();
    this.#begin();
  }

  /** Adds a listener of `timeout` or `recover`; disposing of the result removes it. */
  on<Name extends keyof WatchdogEvents>(name: Name, listener: Listener<WatchdogEvents[Name]>): Disposable {
    return this.#events.on(name, listener);
  }

  snapshot(): WatchdogSnapshot {
    return Object.freeze({
      kind: "watchdog",
      name: this.name,
      running: this.isRunning,
      triggered: this.isTriggered,
      timeout: this.#settings.timeout / 1000,
      secondsSincePing: this.secondsSincePing,
      ...this.stats,
    });
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** @internal Tells now what the monitor has found, without waiting for the event loop. */
  protected catchUp(): void {
    this.#supervision?.catchUp();
  }

  /** @internal The counters, when frozen code of this thread can be interrupted. */
  protected get interruptible(): Uint32Array | undefined {
    return this.#supervision?.canInterrupt === true ? this.#counters : undefined;
  }

  /** @internal Keeps the process alive until disposed of. */
  protected hold(): Disposable | undefined {
    return this.#supervision?.hold();
  }

  #now(): number {
    return this.#settings.clock.now();
  }

  #begin(): void {
    this.#lastPing();
    this.#cells.renew();
    this.#triggeredAt = undefined;
    this.#periodBegan = this.#now();
  }

  #lastPing(): number | undefined {
    const pings = this.#cells.pings;
    if (pings !== (this.#noticed?.pings ?? 0)) {
      const seen = this.#supervision?.observed();
      this.#noticed = { pings, at: seen?.pings === pings ? seen.at : this.#now() };
    }
    return this.#noticed?.at;
  }

  #expired({ epoch, pings, info: found }: Expiry): void {
    if (!this.isRunning || epoch !== this.#cells.epoch) return;
    const info: TimeoutInfo = Object.freeze({ ...found });
    this.#timeouts++;
    this.#triggeredAt ??= this.#now();
    this.#tell(info);
    // Pinged between the freeze and now: the timeout is over already.
    if (this.isRunning && this.#triggeredAt !== undefined && pings !== this.#cells.pings) this.#recover();
  }

  #tell(info: TimeoutInfo): void {
    const { onTimeout, onAlert } = this.#settings;
    const who = `watchdog ${this.name}`;
    const heard = onTimeout !== undefined || onAlert !== undefined || this.#events.has("timeout");
    // A freeze was reported to stderr; work that hangs would otherwise go unnoticed.
    if (!heard && info.kind === "not-pinged") warn("KSTLIB_WATCHDOG_TIMEOUT", timeoutSentence(info));
    if (onTimeout !== undefined) runContained(`onTimeout of ${who}`, onTimeout, info);
    if (onAlert !== undefined) {
      runContained(`onAlert of ${who}`, onAlert, "watchdog", timeoutSentence(info), info);
    }
    this.#events.emit("timeout", info);
  }

  #recover(): void {
    const since = this.#triggeredAt ?? this.#now();
    this.#triggeredAt = undefined;
    const info: RecoverInfo = Object.freeze({
      name: this.name,
      secondsTriggered: (this.#now() - since) / 1000,
    });
    const { onRecover } = this.#settings;
    if (onRecover !== undefined) runContained(`onRecover of watchdog ${this.name}`, onRecover, info);
    this.#events.emit("recover", info);
  }
}
