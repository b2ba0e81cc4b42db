import type { HeartbeatCheckOptions } from "../heartbeat-file/options.js";
import os from "node:os";
import type { Timer } from "../kernel/clock.js";
import type { Component } from "../kernel/component.js";
import { configuredLayers } from "../kernel/configured.js";
import { formatDuration } from "../kernel/duration.js";
import type { Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { Announcer, type HeartbeatEvents, type HeartbeatSnapshot } from "./announcer.js";
import { HeartbeatError } from "./errors.js";
import { MetadataSource } from "./metadata.js";
import { OneAtATime } from "./one-at-a-time.js";
import { type HeartbeatOptions, heartbeatRules, type HeartbeatSettings } from "./options.js";
import { ownProcessStart } from "../heartbeat-file/process-identity.js";
import { check, checkSync, readState, readStateSync } from "../heartbeat-file/readers.js";
import { nextDue } from "./schedule.js";
import { encodeState, type HeartbeatState, type HeartbeatStatus } from "../heartbeat-file/state.js";
import { StateFile } from "../heartbeat-file/state-file.js";
import { TargetWatch } from "./target-watch.js";
import { formatTimestamp } from "../heartbeat-file/timestamp.js";
import type { HeartbeatCheck } from "../heartbeat-file/verdict.js";

/**
 * Tells other programs that this process makes progress: writes a small JSON file at each interval, from the
 * event loop that it vouches for. When that loop is blocked, or the process dies, the file goes stale.
 *
 * The file is replaced atomically and has mode 0600. Beats never overlap: a beat that is due while a write is
 * in flight is left to that write, and is a missed beat once the write has taken a whole interval. A running
 * heartbeat does not keep the process alive.
 *
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
 *
 * // Any other program on this host:
 * const { status, age } = await Heartbeat.check(stateFile, { maxAge: 30 });
 * console.log(status, age);
 *
 * await heartbeat.stop();
 * console.log(await Heartbeat.isAlive(stateFile)); // false: it was stopped in order
 * fs.rmSync(stateFile);
 * ```
 */
export class Heartbeat implements Component, Disposable, AsyncDisposable {
  readonly #settings: HeartbeatSettings;
  readonly #owner: string;
  readonly #announcer: Announcer;
  readonly #metadata: MetadataSource;
  readonly #file: StateFile | undefined;
  readonly #target: TargetWatch;
  readonly #writes: OneAtATime = new OneAtATime(() => this.#tracked(this.#write()));
  #status: HeartbeatStatus = "starting";
  #isRunning = false;
  #timer: Timer | undefined;
  #due = 0;
  #startedAt: number;
  #writeBegan = 0;
  #sequence = 0;
  #beats = 0;
  #missedBeats = 0;
  #missedInARow = 0;
  #lastBeat: string | null = null;
  #lastError: string | null = null;
  #stopped: Promise<void> = Promise.resolve();

  /**
   * @throws TypeError for an unknown option or a value of the wrong type.
   * @throws RangeError for a value out of range.
   */
  constructor(options?: HeartbeatOptions) {
    const layers = configuredLayers("heartbeat", options);
    this.#settings = resolveOptions("Heartbeat", heartbeatRules, options, layers);
    const { name, stateFile, metadata, target, fsync, clock } = this.#settings;
    this.#owner = `heartbeat ${JSON.stringify(name)}`;
    this.#announcer = new Announcer(this.#owner, this.#settings);
    this.#metadata = new MetadataSource(this.#owner, metadata);
    this.#file = stateFile === undefined ? undefined : new StateFile(stateFile, fsync);
    this.#target = new TargetWatch(this.#owner, target);
    this.#startedAt = clock.wallNow();
  }

  get name(): string {
    return this.#settings.name;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /**
   * Begins to beat; the first beat is written at once, in the background. A heartbeat that was stopped can be
   * started again.
   *
   * @throws HeartbeatError `ERR_HEARTBEAT_RUNNING` while running.
   */
  start(): void {
    if (this.#isRunning) {
      throw new HeartbeatError("ERR_HEARTBEAT_RUNNING", `${this.#owner} is running; stop() it first.`);
    }
    const { clock, drainOn } = this.#settings;
    this.#isRunning = true;
    this.#status = drainOn?.aborted ? "draining" : "running";
    this.#startedAt = clock.wallNow();
    drainOn?.addEventListener("abort", this.#drainNow, { once: true });
    this.#due = clock.now();
    this.#arm();
    if (this.#target.hasDied()) this.#announcer.targetDead();
    // The application may have stopped the heartbeat in a callback about the target.
    if (this.#isRunning) this.#beatInBackground();
  }

  /**
   * Ends the beats: waits for a write in flight, then writes the status `stopped`. Never rejects; a file that
   * can't be written is a missed beat. Idempotent, and does nothing before `start()`.
   */
  stop(): Promise<void> {
    if (!this.#isRunning) return this.#stopped;
    this.#isRunning = false;
    this.#status = "stopped";
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#settings.drainOn?.removeEventListener("abort", this.#drainNow);
    this.#stopped = this.#writes.run().catch(reported);
    return this.#stopped;
  }

  /**
   * Writes a beat now. Calls made while a write is in flight share the one after it. Before `start()` the
   * status is `starting`.
   *
   * @throws HeartbeatError `ERR_HEARTBEAT_WRITE` when the file can't be written, `ERR_HEARTBEAT_STOPPED` after
   * `stop()`: the last write says `stopped`.
   */
  async beat(): Promise<void> {
    if (this.#status === "stopped") {
      throw new HeartbeatError(
        "ERR_HEARTBEAT_STOPPED",
        `${this.#owner} was stopped and beats no more; start() it again.`,
      );
    }
    await this.#writes.run();
  }

  /** Says from now on that a shutdown has begun, and writes it at once, in the background. Only while running. */
  drain(): void {
    if (!this.#isRunning || this.#status === "draining") return;
    this.#status = "draining";
    this.#beatInBackground();
  }

  /**
   * Adds a listener of `beat`, `missedBeat` or `targetDead`; disposing of the result removes it.
   *
   * @throws TypeError for an unknown event or a listener that is no function.
   */
  on<Name extends keyof HeartbeatEvents>(name: Name, listener: Listener<HeartbeatEvents[Name]>): Disposable {
    return this.#announcer.events.on(name, listener);
  }

  /** What the heartbeat says of itself now: a frozen copy. */
  snapshot(): HeartbeatSnapshot {
    return Object.freeze({
      kind: "heartbeat",
      name: this.#settings.name,
      isRunning: this.#isRunning,
      status: this.#status,
      stateFile: this.#settings.stateFile ?? null,
      interval: this.#settings.interval / 1000,
      beats: this.#beats,
      missedBeats: this.#missedBeats,
      lastBeat: this.#lastBeat,
      lastError: this.#lastError,
      targetDead: this.#target.isDead,
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
   * Reads a state file, ours or the Python original's. `null` when it is missing, unreadable or no heartbeat.
   *
   * @throws TypeError (as a rejection) when `file` is neither a path nor a `file:` URL.
   */
  static readState(file: string | URL): Promise<HeartbeatState | null> {
    return readState(file);
  }

  /** {@link Heartbeat.readState} without a promise. */
  static readStateSync(file: string | URL): HeartbeatState | null {
    return readStateSync(file);
  }

  /**
   * Reads and judges a state file. On the writer's own host the process is looked at too, except where the
   * file says that its pid belongs to another boot or another pid namespace.
   *
   * @throws TypeError, RangeError (as a rejection) for a wrong `file` or `maxAge`; never for what the file holds.
   */
  static check(file: string | URL, options?: HeartbeatCheckOptions): Promise<HeartbeatCheck> {
    return check(file, options);
  }

  /** {@link Heartbeat.check} without a promise. */
  static checkSync(file: string | URL, options?: HeartbeatCheckOptions): HeartbeatCheck {
    return checkSync(file, options);
  }

  /** Whether {@link Heartbeat.check} says `alive`. */
  static async isAlive(file: string | URL, options?: HeartbeatCheckOptions): Promise<boolean> {
    return (await check(file, options)).status === "alive";
  }

  /** {@link Heartbeat.isAlive} without a promise. */
  static isAliveSync(file: string | URL, options?: HeartbeatCheckOptions): boolean {
    return checkSync(file, options).status === "alive";
  }

  readonly #drainNow = (): void => this.drain();

  #arm(): void {
    const { clock, interval } = this.#settings;
    const now = clock.now();
    this.#due = nextDue(this.#due, interval, now);
    this.#timer = clock.setTimer(this.#tick, this.#due - now, { ref: false });
  }

  readonly #tick = (): void => {
    const { clock, interval } = this.#settings;
    this.#arm();
    if (this.#target.hasDied()) this.#announcer.targetDead();
    if (!this.#isRunning) return;
    if (!this.#writes.busy) {
      this.#beatInBackground();
      return;
    }
    const waited = clock.now() - this.#writeBegan;
    if (waited < interval) return;
    const since = formatDuration(waited / 1000);
    this.#missed(this.#failure(`the write before it has not ended after ${since}`));
  };

  #beatInBackground(): void {
    this.#writes.run().catch(reported);
  }

  #tracked(work: Promise<void>): Promise<void> {
    this.#settings.clock.track?.(work.catch(reported));
    return work;
  }

  async #write(): Promise<void> {
    this.#writeBegan = this.#settings.clock.now();
    let state: HeartbeatState;
    try {
      state = this.#compose();
      await this.#file?.write(encodeState(state));
    } catch (cause) {
      const error = this.#failure(cause instanceof Error ? cause.message : "the write failed", cause);
      this.#missed(error);
      throw error;
    }
    this.#missedInARow = 0;
    this.#lastError = null;
    this.#lastBeat = state.timestamp;
    // The farewell is no sign of life.
    if (state.status === "stopped") return;
    this.#beats++;
    this.#announcer.beat(state);
  }

  #compose(): HeartbeatState {
    const { clock, interval } = this.#settings;
    const processStart = ownProcessStart();
    return Object.freeze({
      timestamp: formatTimestamp(clock.wallNow()),
      pid: process.pid,
      hostname: os.hostname(),
      metadata: this.#metadata.read(),
      status: this.#status,
      interval: interval / 1000,
      startedAt: formatTimestamp(this.#startedAt),
      sequence: ++this.#sequence,
      ...(processStart === undefined ? {} : { processStart }),
    });
  }

  #failure(reason: string, cause?: unknown): HeartbeatError {
    return new HeartbeatError(
      "ERR_HEARTBEAT_WRITE",
      `${this.#owner} missed a beat: ${reason}.`,
      cause === undefined ? undefined : { cause },
    );
  }

  #missed(error: HeartbeatError): void {
    this.#missedBeats++;
    this.#missedInARow++;
    this.#lastError = error.message;
    this.#announcer.missedBeat(error, this.#missedInARow);
  }
}

/** For writes in the background: a failure has been told to `onMissedBeat` and its like by then. */
function reported(): void {}
