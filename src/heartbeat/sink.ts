import type { HeartbeatState } from "../heartbeat-file/state.js";
import type { Clock } from "../kernel/clock.js";
import { formatDuration } from "../kernel/duration.js";
import { messageOf } from "../kernel/message-of.js";
import { custom, type Rule } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import { oneAtATime } from "../kernel/one-at-a-time.js";

/** Another place that gets the beats of a heartbeat, such as a `RedisHeartbeatSink`. */
export interface HeartbeatSink {
  /**
   * Called with each beat, the last one `stopped`. It has taken the beat when what it returns has settled; meanwhile it is
   * not called, and gets the latest beat afterwards. What it throws or rejects with is a missed beat.
   */
  write(state: HeartbeatState): unknown;
}

const ALLOWED = "a list of objects with write";

function isSink(value: unknown): value is HeartbeatSink {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "write") === "function";
}

/** The sinks of a heartbeat; they cannot stand in a file. */
export const sinksRule: Rule<readonly HeartbeatSink[]> = custom({
  fallback: [],
  allowed: ALLOWED,
  parse(value, label) {
    if (Array.isArray(value) && value.every(isSink)) return Object.freeze([...value]);
    throw new TypeError(unlike(label, ALLOWED, value));
  },
});

/**
 * Reports that a sink has not taken a beat, and returns the error for those who wait for the beat.
 *
 * @param isFirst of a series of failures.
 */
export type OnSinkFailure = (reason: string, isFirst: boolean, options?: ErrorOptions) => Error;

/** Writes beats to one sink, one at a time; whatever the sink does, nothing else waits for it. */
export class SinkWriter {
  readonly #clock: Clock;
  readonly #onFailure: OnSinkFailure;
  readonly #run: () => Promise<void>;
  #latest: HeartbeatState | undefined;
  /** When the write in flight began. */
  #since: number | undefined;
  #isFailing = false;

  constructor(sink: HeartbeatSink, clock: Clock, onFailure: OnSinkFailure) {
    this.#clock = clock;
    this.#onFailure = onFailure;
    this.#run = oneAtATime(() => this.#writeLatest(sink));
  }

  /** Resolves when the sink has this beat or a later one; rejects with the error that was reported. */
  write(state: HeartbeatState): Promise<void> {
    this.#latest = state;
    if (this.#since !== undefined) {
      const waited = (this.#clock.now() - this.#since) / 1000;
      const isLate = state.interval !== undefined && waited >= state.interval;
      if (isLate) this.#fail(`the previous write has not ended after ${formatDuration(waited)}`);
    }
    return this.#run();
  }

  async #writeLatest(sink: HeartbeatSink): Promise<void> {
    if (this.#latest === undefined) return;
    this.#since = this.#clock.now();
    try {
      await sink.write(this.#latest);
      this.#isFailing = false;
    } catch (cause) {
      throw this.#fail(messageOf(cause), { cause });
    } finally {
      this.#since = undefined;
    }
  }

  #fail(reason: string, options?: ErrorOptions): Error {
    const isFirst = !this.#isFailing;
    this.#isFailing = true;
    return this.#onFailure(reason, isFirst, options);
  }
}
