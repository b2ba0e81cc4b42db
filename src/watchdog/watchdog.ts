import { realClock } from "../kernel/clock.js";
import type { Component } from "../kernel/component.js";
import { tellMade } from "../kernel/configured.js";
import type { Listener } from "../kernel/events.js";
import { Printed } from "../kernel/printed.js";
import { runContained, warn } from "../kernel/warning.js";
import { Alarm } from "./alarm.js";
import { superviseByClock } from "./clock-supervision.js";
import { notCountedSentence, timeoutSentence } from "./freeze-report.js";
import { superviseByThread } from "./thread-supervision.js";
import {
  changeWatchdog,
  type OnFreeze,
  resolveWatchdog,
  type WatchdogChanges,
  type WatchdogOptions,
  watchdogRules,
  type WatchdogSettings,
} from "./options.js";
import type { StateFileOptions } from "./state-file-options.js";
import { StateFileWatchdog } from "./state-file-watchdog.js";
import type { Subject, Supervision } from "./supervision.js";
import type { NotCountedInfo, TimeoutInfo } from "./timeout-info.js";
import type { WatchdogEvents, WatchdogSnapshot, WatchdogStats } from "./snapshot.js";
import { FIRED, PINGS, WatchCells } from "./watch-cells.js";

/** The last count before it wraps around to 0. */
const LAST_COUNT = -1;
const LAP = 2 ** 32;

/**
 * Finds out when work stops pinging, even if the whole thread is frozen: one monitor thread watches all watchdogs, and a
 * ping is one atomic increment. It does not keep the process alive.
 *
 * A frozen thread is reported to stderr at once; `onTimeout` runs when the thread is back, or right away if only the
 * work hangs. A ping after a timeout arms the watchdog again.
 *
 * @throws TypeError or RangeError for an option that is not right; the message names it.
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
export class Watchdog extends Printed implements Component, Disposable {
  readonly name: string;
  #settings: WatchdogSettings;
  readonly #cells = new WatchCells();
  readonly #counters = this.#cells.counters;
  readonly #alarm: Alarm<{ readonly name: string }, TimeoutInfo>;
  #supervision: Supervision | undefined;
  #laps = 0;
  #periods = 0;
  #periodBegan = { pings: 0, at: 0 };
  #startedAt: number | undefined;
  #stoppedAt = 0;
  /** The last count that was seen, and when its last ping was first seen. */
  #noticed = 0;
  #noticedAt: number | undefined;

  /**
   * Watches another process through its heartbeat file; starts at once.
   *
   * @param file a path or `file:` URL, relative to the current working directory. Default: the `stateFile` of the
   *   configuration: that of `watchdog`, else that of `heartbeat`.
   */
  static fromStateFile(file?: string | URL, options?: StateFileOptions): StateFileWatchdog {
    const watchdog = new StateFileWatchdog(file, options);
    watchdog.start();
    return watchdog;
  }

  constructor(options?: WatchdogOptions);
  /** @internal With settings that have been checked. */
  constructor(options: undefined, settings: WatchdogSettings);
  constructor(options?: WatchdogOptions, given?: WatchdogSettings) {
    super();
    const settings = given ?? resolveWatchdog("Watchdog", watchdogRules, options);
    const { name } = settings;
    this.#settings = settings;
    this.name = name;
    this.#alarm = new Alarm({ name }, settings, timeoutSentence, ["notCounted"]);
    if (settings.onNotCounted !== undefined) this.#alarm.on("notCounted", settings.onNotCounted);
    this.#begin();
    if (given === undefined) tellMade(this, "watchdog", options);
  }

  /** How long the work may go without a ping, in seconds. */
  get timeout(): number {
    return this.#settings.timeout / 1000;
  }

  /** What happens to the process while the thread is frozen. */
  get onFreeze(): OnFreeze {
    return this.#settings.onFreeze;
  }

  /** The exit code of `onFreeze: "exit"`. */
  get exitCode(): number {
    return this.#settings.exitCode;
  }

  /** The absolute path of the folder for reports; `undefined` when there is none. */
  get reportDirectory(): string | undefined {
    return this.#settings.reportDirectory;
  }

  /** How many reports are kept in the folder. */
  get maxReports(): number {
    return this.#settings.maxReports;
  }

  /** Whether it has been started and not stopped. */
  get isRunning(): boolean {
    return this.#supervision !== undefined;
  }

  /**
   * Whether it has timed out and not been pinged or started since; after a freeze this is true before `onTimeout`
   * runs. `stop()` does not change it.
   */
  get isTriggered(): boolean {
    return this.#cells.isTriggered;
  }

  /**
   * Seconds since the last ping, or since the start if there was none. A ping reads no clock, so they count from when
   * it was first seen: at most one `pollInterval` too few, never too many.
   */
  get secondsSincePing(): number {
    return (this.#now() - Math.max(this.#periodBegan.at, this.#lastPing() ?? 0)) / 1000;
  }

  get stats(): WatchdogStats {
    const startedAt = this.#startedAt;
    const end = this.isRunning ? this.#now() : this.#stoppedAt;
    const lastPing = this.#lastPing();
    return Object.freeze({
      pingsTotal: this.#laps * LAP + (this.#cells.pings >>> 0) - this.#periods,
      timeoutsTriggered: this.#alarm.timeouts,
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
    this.#supervise();
  }

  /**
   * Ends watching. A freeze that was found but not yet reported is reported first; after that nothing is, not even a
   * recovery. Does nothing when it is not watching.
   */
  stop(): void {
    this.#supervision?.catchUp();
    // A callback of that report may have stopped it.
    if (this.#supervision === undefined) return;
    this.#supervision.end();
    this.#supervision = undefined;
    this.#alarm.since = undefined;
    this.#stoppedAt = this.#now();
  }

  /**
   * Changes options; while it watches, a whole timeout begins now. A timeout that was found stays one.
   *
   * @throws TypeError or RangeError that names the option.
   */
  update(changes: WatchdogChanges): void {
    this.#settings = changeWatchdog(this.#settings, changes);
    this.#supervision?.catchUp();
    const before = this.#supervision;
    // A callback of a late report may have stopped it.
    if (before === undefined) return;
    // The new one first: the thread ends when it has nothing to watch.
    this.#supervise();
    before.end();
  }

  /** Shows that the work goes on. After a timeout this arms the watchdog again. */
  ping(): void {
    const before = Atomics.add(this.#counters, PINGS, 1);
    // A plain read, because an atomic one doubles the cost. If it misses a timeout of this moment, `#expired` ends that.
    if (before === this.#counters[FIRED] || before === LAST_COUNT) this.#attend(before);
  }

  /** Begins a new period as if just started, without counting a ping or reporting a recovery. */
  reset(): void {
    this.#supervision?.catchUp();
    this.#begin();
  }

  /** Adds a listener of `timeout`, `recover` or `notCounted`; disposing of the result removes it. */
  on<Name extends keyof WatchdogEvents>(name: Name, listener: Listener<WatchdogEvents[Name]>): Disposable {
    return this.#alarm.on(name, listener);
  }

  snapshot(): WatchdogSnapshot {
    return Object.freeze({
      kind: "watchdog",
      name: this.name,
      isRunning: this.isRunning,
      isTriggered: this.isTriggered,
      timeout: this.#settings.timeout / 1000,
      secondsSincePing: this.secondsSincePing,
      ...this.stats,
    });
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** @internal */
  protected get supervision(): Supervision | undefined {
    return this.#supervision;
  }

  #supervise(): void {
    const settings = this.#settings;
    const subject: Subject = {
      settings,
      cells: this.#cells,
      expired: (pings, at, info) => this.#expired(pings, at, info),
      notCounted: (info) => this.#notCounted(info),
      lost: () => {
        this.#supervision = superviseByClock(subject);
      },
    };
    this.#supervision = settings.clock === realClock ? superviseByThread(subject) : superviseByClock(subject);
  }

  #now(): number {
    return this.#settings.clock.now();
  }

  /** What a ping or a new period does after a timeout, and when the count wraps around. */
  #attend(before: number): void {
    if (before === LAST_COUNT) this.#laps++;
    this.#alarm.end();
  }

  #begin(): void {
    this.#lastPing();
    this.#alarm.since = undefined;
    this.#attend(Atomics.add(this.#counters, PINGS, 1));
    this.#periods++;
    this.#noticed = this.#cells.pings;
    this.#periodBegan = { pings: this.#noticed, at: this.#now() };
  }

  #lastPing(): number | undefined {
    const { pings } = this.#cells;
    if (pings !== this.#noticed) {
      this.#noticed = pings;
      this.#noticedAt = this.#cells.seenAt(pings) ?? this.#now();
    }
    return this.#noticedAt;
  }

  #notCounted(info: NotCountedInfo): void {
    if (!this.isRunning) return;
    if (!this.#alarm.has("notCounted")) warn("KSTLIB_WATCHDOG_NOT_COUNTED", notCountedSentence(info));
    this.#alarm.emit("notCounted", Object.freeze(info));
  }

  #expired(pings: number, at: number, info: TimeoutInfo): void {
    if (info.kind !== "not-pinged") this.#sayAlive();
    // Found in an earlier period.
    if (!this.isRunning || ((pings - this.#periodBegan.pings) | 0) < 0) return;
    // The notice may arrive before the monitor has written to the cells.
    if (pings === this.#cells.pings) this.#cells.fire(pings);
    this.#alarm.raise(info, info.kind !== "not-pinged", at);
    // Pinged in the meantime: the timeout has ended already.
    if (this.isRunning && pings !== this.#cells.pings) this.#alarm.end();
  }

  /** The monitor has written `frozen` to the heartbeat's file: corrects that before the next regular beat. */
  #sayAlive(): void {
    const { heartbeat } = this.#settings;
    if (heartbeat?.isRunning !== true) return;
    runContained(`the beat of the heartbeat linked to watchdog ${this.name}`, () => heartbeat.beat());
  }
}
