import type { Timer } from "../kernel/clock.js";
import type { Component } from "../kernel/component.js";
import { onAbort } from "../kernel/abort.js";
import { formatDuration } from "../kernel/duration.js";
import type { Events, Listener } from "../kernel/events.js";
import { tellMade } from "../kernel/configured.js";
import { changeSettings, resolveOptions } from "../kernel/options.js";
import { Printed } from "../kernel/printed.js";
import type { FreezeLink } from "../heartbeat-file/freeze-link.js";
import {
  check,
  checkSync,
  isAlive,
  isAliveSync,
  readState,
  readStateSync,
} from "../heartbeat-file/readers.js";
import type { HeartbeatStatus } from "../heartbeat-file/state.js";
import { formatTimestamp } from "../heartbeat-file/timestamp.js";
import { heartbeatEvents, type HeartbeatEvents, type HeartbeatSnapshot } from "./events.js";
import { BeatWriter } from "./beat-writer.js";
import { HeartbeatError } from "./errors.js";
import { lastGood } from "./last-good.js";
import {
  type HeartbeatChanges,
  type HeartbeatOptions,
  heartbeatRules,
  type HeartbeatSettings,
  type HeartbeatStartOptions,
  liveRules,
  startRules,
} from "./options.js";
import { every } from "./schedule.js";
import { ServiceNotices } from "./service-notices.js";

/**
 * Shows other programs that this process makes progress: writes a small JSON file at each interval, from the event
 * loop. If the loop is blocked or the process dies, the file goes stale. `sinks` get the same beats, for readers on other
 * machines.
 *
 * The file is replaced atomically, and only its owner can read it unless `mode` is set. Beats never overlap: a
 * beat that is due during a write is skipped, and counts as missed once the write has taken a whole interval. A running
 * heartbeat does not keep the process alive.
 *
 * @throws TypeError for an unknown option or a value of the wrong type.
 * @throws RangeError for a value out of range.
 * @example
 * ```ts
 * import fs from "node:fs";
 * import os from "node:os";
 * import path from "node:path";
 * import { Heartbeat } from "@kstlib/resilience";
 *
 * const stateFile = path.join(os.tmpdir(), `example-${process.pid}.heartbeat`);
 * const heartbeat = new Heartbeat({ stateFile, interval: 10, metadata: { version: "1.0.0" } });
 * heartbeat.start();
 * await heartbeat.beat();
 * // Any other program on this host:
 * const { status, age } = await Heartbeat.check(stateFile, { maxAge: 30 });
 * console.log(status, age);
 * await heartbeat.stop();
 * console.log(await Heartbeat.isAlive(stateFile)); // false: it was stopped
 * fs.rmSync(stateFile);
 * ```
 */
export class Heartbeat extends Printed implements Component, Disposable, AsyncDisposable {
  #settings: HeartbeatSettings;
  readonly #owner: string;
  readonly #events: Events<HeartbeatEvents>;
  readonly #writer: BeatWriter;
  readonly #isTargetDead: () => boolean;
  #status: HeartbeatStatus = "starting";
  /** Set while running, and only then. */
  #timer: Timer | undefined;
  /** Removes the listener from `drainOn`. */
  #leaveSignal: (() => void) | undefined;
  /** Set while running under systemd. */
  #notices: ServiceNotices | undefined;
  /** Settles when systemd has been notified of the last stop. */
  #stopNotice: Promise<void> = Promise.resolve();
  #startedAt: number;
  #targetDead = false;
  #stopped: Promise<void> = Promise.resolve();

  constructor(options?: HeartbeatOptions) {
    super();
    this.#settings = resolveOptions("Heartbeat", heartbeatRules, options, "heartbeat");
    const { name, target, clock } = this.#settings;
    const owner = `heartbeat ${JSON.stringify(name)}`;
    this.#owner = owner;
    this.#events = heartbeatEvents(owner, this.#settings);
    const failed = `isDead of the target of ${owner} failed`;
    this.#isTargetDead = lastGood(() => target?.isDead === true, false, "KSTLIB_LISTENER_FAILED", failed);
    this.#startedAt = clock.wallNow();
    this.#writer = new BeatWriter(owner, this.#settings, this.#events, () => ({
      status: this.#status,
      startedAt: formatTimestamp(this.#startedAt),
      interval: this.interval,
    }));
    tellMade(this, "heartbeat", options);
  }

  get name(): string {
    return this.#settings.name;
  }

  /** The status that the next beat will have. */
  get status(): HeartbeatStatus {
    return this.#status;
  }

  /** Seconds between two beats. */
  get interval(): number {
    return this.#settings.interval / 1000;
  }

  /** The absolute path of the file; `undefined` if there is none. */
  get stateFile(): string | undefined {
    return this.#settings.stateFile;
  }

  /** Lets a watchdog's monitor thread write `frozen` to the state file; `undefined` if there is no file. */
  get freezeLink(): FreezeLink | undefined {
    return this.#writer.freezeLink;
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  /**
   * Starts the beats; the first is written at once, in the background. A heartbeat that was stopped can be started
   * again. With `{ ready: false }`, for an application that warms up, the status is `starting` until `ready()`.
   *
   * @throws HeartbeatError `ERR_HEARTBEAT_RUNNING` while running.
   * @throws TypeError for an unknown option or a value of the wrong type.
   */
  start(options?: HeartbeatStartOptions): void {
    const { ready } = resolveOptions("start", startRules, options);
    if (this.isRunning) {
      throw new HeartbeatError("ERR_HEARTBEAT_RUNNING", `${this.#owner} is running; stop() it first.`);
    }
    const { clock, interval, drainOn } = this.#settings;
    this.#status = "starting";
    if (ready) this.#status = "running";
    if (drainOn?.aborted === true) this.#status = "draining";
    this.#startedAt = clock.wallNow();
    if (drainOn !== undefined) this.#leaveSignal = onAbort(drainOn, () => this.drain());
    this.#timer = every(clock, interval, this.#tick);
    this.#notices = ServiceNotices.begin(this.#owner, this.#settings, this.#stopNotice);
    this.#notices?.tell(this.#status);
    this.#lookAtTarget();
    // A callback about the target may have stopped the heartbeat.
    if (this.isRunning) void this.#writer.writeInBackground();
  }

  /**
   * Stops the beats: waits for a write in flight, then writes the status `stopped`. Resolves when that is done and
   * systemd and the sinks, if used, have been told or have not answered for 5 s. Never rejects; if the file cannot be written, that
   * is a missed beat. If a process that started later has taken over the file, nothing is written, here and while
   * draining. Idempotent, and does nothing before `start()`.
   */
  stop(): Promise<void> {
    if (this.#timer === undefined) return this.#stopped;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#status = "stopped";
    this.#leaveSignal?.();
    this.#leaveSignal = undefined;
    if (this.#notices !== undefined) this.#stopNotice = this.#notices.end();
    this.#notices = undefined;
    const notice = this.#stopNotice;
    this.#stopped = this.#writer.writeLast().then(() => notice);
    return this.#stopped;
  }

  /**
   * Writes a beat now. Calls during a write share the next one. Before `start()` the status is `starting`.
   *
   * @throws HeartbeatError `ERR_HEARTBEAT_WRITE` if the file cannot be written, `ERR_HEARTBEAT_STOPPED` if stopped.
   */
  async beat(): Promise<void> {
    if (this.#status === "stopped") {
      throw new HeartbeatError(
        "ERR_HEARTBEAT_STOPPED",
        `${this.#owner} was stopped; start() it again before beat().`,
      );
    }
    await this.#writer.write();
  }

  /** Ends the warm-up of `start({ ready: false })`: the status becomes `running`, and is written at once. */
  ready(): void {
    if (this.isRunning && this.#status === "starting") this.#become("running");
  }

  /** Sets the status `draining` and writes it at once, in the background. Has no effect unless running. */
  drain(): void {
    if (this.isRunning && this.#status !== "draining") this.#become("draining");
  }

  /**
   * Changes the interval. While running, a beat is written at once, so that readers know the new interval.
   *
   * @throws TypeError or RangeError that names the option.
   */
  update(changes: HeartbeatChanges): void {
    this.#settings = changeSettings(liveRules, this.#settings, changes);
    const { clock, interval } = this.#settings;
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = every(clock, interval, this.#tick);
    void this.#writer.writeInBackground();
  }

  /**
   * Adds a listener of `beat`, `missedBeat`, `targetDead` or `targetAlive`; disposing of the result removes it.
   *
   * @throws TypeError for an unknown event or a listener that is not a function.
   */
  on<Name extends keyof HeartbeatEvents>(name: Name, listener: Listener<HeartbeatEvents[Name]>): Disposable {
    return this.#events.on(name, listener);
  }

  /** The current state as a frozen copy. */
  snapshot(): HeartbeatSnapshot {
    return Object.freeze({
      kind: "heartbeat",
      name: this.name,
      isRunning: this.isRunning,
      status: this.#status,
      stateFile: this.stateFile ?? null,
      interval: this.interval,
      ...this.#writer.counts,
      isTargetDead: this.#targetDead,
    });
  }

  /** As {@link stop}, in the background. */
  [Symbol.dispose](): void {
    void this.stop();
  }

  /** As {@link stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * Reads a state file of this package or the Python original; `null` if it is missing, unreadable or not a heartbeat.
   *
   * @throws TypeError (as a rejection) when `file` is neither a path nor a `file:` URL.
   */
  static readonly readState: typeof readState = readState;

  /** {@link Heartbeat.readState} without a promise. */
  static readonly readStateSync: typeof readStateSync = readStateSync;

  /**
   * Reads and judges a state file; if `state` is `null`, `reason` says why. On the writer's own host the process is
   * checked too, unless the file comes from another boot or pid namespace.
   *
   * @throws TypeError, RangeError (as a rejection) for an invalid `file` or `maxAge`, but not for the file's content.
   */
  static readonly check: typeof check = check;

  /** {@link Heartbeat.check} without a promise. */
  static readonly checkSync: typeof checkSync = checkSync;

  /** Whether the status from {@link Heartbeat.check} is `alive`. */
  static readonly isAlive: typeof isAlive = isAlive;
  /** {@link Heartbeat.isAlive} without a promise. */
  static readonly isAliveSync: typeof isAliveSync = isAliveSync;

  #become(status: HeartbeatStatus): void {
    this.#status = status;
    this.#notices?.tell(status);
    void this.#writer.writeInBackground();
  }

  readonly #tick = (): void => {
    this.#lookAtTarget();
    if (!this.isRunning) return;
    const waited = this.#writer.waited;
    if (waited === undefined) void this.#writer.writeInBackground();
    else if (waited >= this.#settings.interval) {
      this.#writer.miss(`the previous write has not ended after ${formatDuration(waited / 1000)}`);
    }
  };

  #lookAtTarget(): void {
    // What a shutdown has ended did not die.
    if (this.#status === "draining") return;
    const wasDead = this.#targetDead;
    this.#targetDead = this.#isTargetDead();
    if (this.#targetDead === wasDead) return;
    this.#events.emit(this.#targetDead ? "targetDead" : "targetAlive", Object.freeze({ name: this.name }));
  }
}
