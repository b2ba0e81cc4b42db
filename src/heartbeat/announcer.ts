import type { Json, Snapshot } from "../kernel/component.js";
import { Events } from "../kernel/events.js";
import { runContained } from "../kernel/warning.js";
import type { HeartbeatError } from "./errors.js";
import type { HeartbeatSettings } from "./options.js";
import type { HeartbeatState, HeartbeatStatus } from "../heartbeat-file/state.js";

/** The events of {@link Heartbeat}. */
export interface HeartbeatEvents {
  /** A beat was written; the payload is what the file says. */
  readonly beat: HeartbeatState;
  /** A beat could not be written, or the write before it has not ended. */
  readonly missedBeat: HeartbeatError;
  /** The target was found dead; once per death. */
  readonly targetDead: { readonly name: string };
}

/** What {@link Heartbeat.snapshot} returns. */
export interface HeartbeatSnapshot extends Snapshot {
  readonly kind: "heartbeat";
  readonly isRunning: boolean;
  readonly status: HeartbeatStatus;
  readonly stateFile: string | null;
  /** Seconds between two beats. */
  readonly interval: number;
  /** Beats written since construction. */
  readonly beats: number;
  /** Beats that could not be written since construction. */
  readonly missedBeats: number;
  /** The timestamp of the last write. */
  readonly lastBeat: string | null;
  /** Why the last beat was missed; `null` when it was written. */
  readonly lastError: string | null;
  readonly targetDead: boolean;
}

/** Tells the application: its callbacks first, then the listeners, then the alert. None of them can do harm. */
export class Announcer {
  readonly events: Events<HeartbeatEvents>;
  readonly #settings: HeartbeatSettings;
  readonly #owner: string;

  constructor(owner: string, settings: HeartbeatSettings) {
    this.events = new Events(owner, ["beat", "missedBeat", "targetDead"]);
    this.#settings = settings;
    this.#owner = owner;
  }

  beat(state: HeartbeatState): void {
    const { onBeat } = this.#settings;
    if (onBeat !== undefined) runContained(`onBeat of ${this.#owner}`, onBeat, state);
    this.events.emit("beat", state);
  }

  missedBeat(error: HeartbeatError, missedInARow: number): void {
    const { onMissedBeat } = this.#settings;
    if (onMissedBeat !== undefined) runContained(`onMissedBeat of ${this.#owner}`, onMissedBeat, error);
    this.events.emit("missedBeat", error);
    this.#alert(error.message, { event: "missedBeat", code: error.code, missedInARow });
  }

  targetDead(): void {
    const { name, onTargetDead } = this.#settings;
    if (onTargetDead !== undefined) runContained(`onTargetDead of ${this.#owner}`, onTargetDead);
    this.events.emit("targetDead", Object.freeze({ name }));
    this.#alert(`the target of ${this.#owner} is dead.`, { event: "targetDead" });
  }

  #alert(message: string, details: Readonly<Record<string, Json>>): void {
    const { name, stateFile, onAlert } = this.#settings;
    if (onAlert === undefined) return;
    const context = Object.freeze({ name, stateFile: stateFile ?? null, pid: process.pid, ...details });
    runContained(`onAlert of ${this.#owner}`, onAlert, "heartbeat", message, context);
  }
}
