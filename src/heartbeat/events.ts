import type { Json, Snapshot } from "../kernel/component.js";
import { Events } from "../kernel/events.js";
import type { HeartbeatError } from "./errors.js";
import type { HeartbeatSettings } from "./options.js";
import type { HeartbeatState, HeartbeatStatus } from "../heartbeat-file/state.js";

/** The events of {@link Heartbeat}. */
export interface HeartbeatEvents {
  /** A beat was written to the file or, without a file, to a sink; the payload is the content of the file. */
  readonly beat: HeartbeatState;
  /** A beat could not be written to the file or to one of the sinks, or the previous write has not ended. */
  readonly missedBeat: HeartbeatError;
  /** The target was found dead; once per death. */
  readonly targetDead: { readonly name: string };
  /** The target, which was dead, was found alive. */
  readonly targetAlive: { readonly name: string };
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
  /** Why the last beat was missed; `null` when it was written, even if a sink has missed it. */
  readonly lastError: string | null;
  readonly isTargetDead: boolean;
}

/** Makes the events of a heartbeat; the application's callbacks are their first listeners. */
export function heartbeatEvents(owner: string, settings: HeartbeatSettings): Events<HeartbeatEvents> {
  const { name, stateFile = null, onBeat, onMissedBeat, onTargetDead, onAlert } = settings;
  const events = new Events<HeartbeatEvents>(owner, ["beat", "missedBeat", "targetDead", "targetAlive"], {
    kind: "heartbeat",
    name,
  });
  if (onBeat !== undefined) events.on("beat", onBeat);
  if (onMissedBeat !== undefined) events.on("missedBeat", onMissedBeat);
  if (onTargetDead !== undefined) events.on("targetDead", () => onTargetDead());
  if (onAlert !== undefined) {
    const alert = (message: string, details: Readonly<Record<string, Json>>): unknown =>
      onAlert("heartbeat", message, Object.freeze({ name, stateFile, pid: process.pid, ...details }));
    events.on("missedBeat", ({ code, message }) => alert(message, { event: "missedBeat", code }));
    events.on("targetDead", () => alert(`the target of ${owner} is dead.`, { event: "targetDead" }));
  }
  return events;
}
