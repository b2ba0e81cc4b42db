import { beginBeat, type FreezeLink, freezeLinkTo } from "../heartbeat-file/freeze-link.js";
import { ownProcess } from "../heartbeat-file/process-identity.js";
import { encodeState, type HeartbeatState } from "../heartbeat-file/state.js";
import { stateFileWriter } from "../heartbeat-file/state-file.js";
import { hasSuccessor } from "../heartbeat-file/successor.js";
import { formatTimestamp } from "../heartbeat-file/timestamp.js";
import { messageOf } from "../kernel/message-of.js";
import { delay } from "../kernel/delay.js";
import type { Events } from "../kernel/events.js";
import { warn } from "../kernel/warning.js";
import type { HeartbeatEvents, HeartbeatSnapshot } from "./events.js";
import { HeartbeatError } from "./errors.js";
import { metadataSource } from "./metadata.js";
import { oneAtATime } from "../kernel/one-at-a-time.js";
import type { HeartbeatSettings } from "./options.js";
import { type OnSinkFailure, SinkWriter } from "./sink.js";

/** The part of a beat that depends on the heartbeat's state. */
export type CurrentState = Pick<HeartbeatState, "status" | "startedAt" | "interval">;

/** The counts and the last results, as in a snapshot. */
export type BeatCounts = Pick<HeartbeatSnapshot, "beats" | "missedBeats" | "lastBeat" | "lastError">;

/** How long those who wait for a beat, such as `stop()`, wait for sinks; milliseconds. */
const SINK_PATIENCE = 5000;

/** Writes the beats of one heartbeat, one at a time, and counts and reports the results. */
export class BeatWriter {
  /** Lets a monitor thread write `frozen` to the file; `undefined` if there is no file. */
  readonly freezeLink: FreezeLink | undefined;
  readonly #owner: string;
  readonly #settings: HeartbeatSettings;
  readonly #events: Events<HeartbeatEvents>;
  readonly #current: () => CurrentState;
  readonly #metadata: () => HeartbeatState["metadata"];
  readonly #writeFile: ((content: string) => Promise<void>) | undefined;
  readonly #sinks: readonly SinkWriter[];
  /** Gives the current state to the sinks and writes it to the file; calls during a write share the next one. */
  readonly #beat: () => Promise<void> = oneAtATime(() => this.#writeNow());
  /** The latest beat, on its way to the sinks; never rejects. */
  #given: Promise<readonly PromiseSettledResult<void>[]> = Promise.resolve([]);
  /** When the write in flight began. */
  #writing: number | undefined;
  #sequence = 0;
  #beats = 0;
  #missedBeats = 0;
  #lastBeat: string | null = null;
  #lastError: string | null = null;

  constructor(
    owner: string,
    settings: HeartbeatSettings,
    events: Events<HeartbeatEvents>,
    current: () => CurrentState,
  ) {
    this.#owner = owner;
    this.#settings = settings;
    this.#events = events;
    this.#current = current;
    this.#metadata = metadataSource(owner, settings.metadata);
    const { stateFile, fsync, mode } = settings;
    this.freezeLink = stateFile === undefined ? undefined : freezeLinkTo(stateFile, mode);
    this.#writeFile = stateFile === undefined ? undefined : stateFileWriter(stateFile, { fsync, mode });
    this.#sinks = settings.sinks.map((sink, index) => {
      const onFailure: OnSinkFailure = (reason, isFirst, options) =>
        this.#report(`sinks[${index}]: ${reason}`, isFirst, options);
      return new SinkWriter(sink, settings.clock, onFailure);
    });
  }

  /** Milliseconds since the write in flight began; `undefined` if there is none. */
  get waited(): number | undefined {
    return this.#writing === undefined ? undefined : this.#settings.clock.now() - this.#writing;
  }

  get counts(): BeatCounts {
    return {
      beats: this.#beats,
      missedBeats: this.#missedBeats,
      lastBeat: this.#lastBeat,
      lastError: this.#lastError,
    };
  }

  /** Writes the current state; rejects with the `HeartbeatError` that was reported. */
  async write(): Promise<void> {
    const [own] = await Promise.allSettled([this.#beat()]);
    for (const result of [own, ...(await this.#givenInTime())])
      if (result.status === "rejected") throw result.reason;
  }

  /** {@link write}, but never rejects: a failure is reported to `onMissedBeat` and the listeners. Waits for no sink. */
  writeInBackground(): Promise<void> {
    const work = this.#beat().catch(() => undefined);
    this.#settings.clock.track?.(work);
    return work;
  }

  /** {@link write}, but never rejects. */
  async writeLast(): Promise<void> {
    await this.writeInBackground();
    await this.#givenInTime();
  }

  async #writeNow(): Promise<void> {
    const { clock } = this.#settings;
    this.#writing = clock.now();
    try {
      const state: HeartbeatState = Object.freeze({
        timestamp: formatTimestamp(clock.wallNow()),
        ...ownProcess(),
        // Read before the status, because the application's function may stop the heartbeat.
        metadata: this.#metadata(),
        ...this.#current(),
        sequence: ++this.#sequence,
      });
      if (this.#sinks.length > 0) this.#give(state);
      if (this.#writeFile === undefined && this.#sinks.length > 0) return;
      if (await this.#isSucceeded(state)) return;
      if (this.freezeLink !== undefined) beginBeat(this.freezeLink);
      await this.#writeFile?.(encodeState(state));
      this.#wasWritten(state);
    } catch (cause) {
      throw this.miss(messageOf(cause), { cause });
    } finally {
      this.#writing = undefined;
    }
  }

  #wasWritten(state: HeartbeatState): void {
    this.#lastError = null;
    this.#lastBeat = state.timestamp;
    // The last write does not count as a beat.
    if (state.status === "stopped") return;
    this.#beats++;
    this.#events.emit("beat", state);
  }

  #give(state: HeartbeatState): void {
    const taken = this.#sinks.map((sink) => sink.write(state));
    this.#given = Promise.allSettled(taken);
    if (this.#writeFile !== undefined) return;
    // Without a file, a beat was written when a sink has it.
    void Promise.any(taken).then(
      () => this.#wasWritten(state),
      ({ errors: [first] }: AggregateError) => {
        this.#lastError = messageOf(first);
      },
    );
  }

  /** What has become of the latest beat in the sinks; nothing of those that take too long. */
  async #givenInTime(): Promise<readonly PromiseSettledResult<void>[]> {
    if (this.#sinks.length === 0) return [];
    const enough = new AbortController();
    const tooLong = delay(this.#settings.clock, SINK_PATIENCE, enough.signal);
    const results = await Promise.race([this.#given, tooLong]);
    enough.abort();
    return results ?? [];
  }

  /** Whether this process is ending and a later one has taken over the file. */
  async #isSucceeded(state: HeartbeatState): Promise<boolean> {
    const { clock, stateFile } = this.#settings;
    const isEnding = state.status === "draining" || state.status === "stopped";
    return isEnding && stateFile !== undefined && (await hasSuccessor(stateFile, state, clock.wallNow()));
  }

  /** Counts and reports a missed beat. Without a listener, the first of a series becomes a warning. */
  miss(reason: string, options?: ErrorOptions): HeartbeatError {
    const isFirst = this.#lastError === null;
    const error = this.#report(reason, isFirst, options);
    this.#lastError = error.message;
    return error;
  }

  #report(reason: string, isFirst: boolean, options?: ErrorOptions): HeartbeatError {
    const message = `${this.#owner} missed a beat: ${reason}.`;
    const error = new HeartbeatError("ERR_HEARTBEAT_WRITE", message, options);
    this.#missedBeats++;
    if (isFirst && !this.#events.has("missedBeat")) warn("KSTLIB_HEARTBEAT_MISSED", message);
    this.#events.emit("missedBeat", error);
    return error;
  }
}
