import { decodeState, type HeartbeatState } from "../../heartbeat-file/state.js";
import { defaultMaxAge, type HeartbeatCheck, judgeAge } from "../../heartbeat-file/verdict.js";

/** One process of a service. Its age is measured by the server's clock alone. */
export interface HeartbeatInstance extends HeartbeatCheck {
  readonly instance: string;
  /** The age in seconds up to which it counts as alive. */
  readonly maxAge: number;
}

/** An instance as the store has it. */
export interface StoredInstance {
  readonly instance: string;
  /** When it last beat: the server's time in milliseconds. */
  readonly at: number;
  readonly state: HeartbeatState | null;
}

/** What the store has answered. */
export interface Listing {
  /** The server's time in milliseconds. */
  readonly now: number;
  /** How many instances there are, also those that were not asked for. */
  readonly count: number;
  readonly channel: string;
  readonly found: readonly StoredInstance[];
}

/** The state without what stands before it: who has written it, and its status. */
function stateIn(value: unknown): HeartbeatState | null {
  const [, json = ""] = /^\S+ \S+ ([^]*)$/.exec(String(value)) ?? [];
  return decodeState(json).state;
}

/** Reads the reply of the script `LIST`. What is odd in it is an instance without a state. */
export function readListing(reply: unknown): Listing {
  const [now, count, channel, ...rest]: readonly unknown[] = Array.isArray(reply) ? reply : [];
  const found: StoredInstance[] = [];
  for (let index = 0; index + 2 < rest.length; index += 3) {
    const [instance, at, value] = rest.slice(index, index + 3);
    found.push({ instance: String(instance), at: Number(at) || 0, state: stateIn(value) });
  }
  return {
    now: Number(now) || 0,
    count: Number(count) || 0,
    // A client may give texts as buffers.
    channel: typeof channel === "string" || Buffer.isBuffer(channel) ? String(channel) : "",
    found,
  };
}

/**
 * Judges an instance at the server's time `now`.
 *
 * @param maxAge milliseconds.
 * @param since when the instance could last have beaten at the earliest.
 */
export function judgeInstance(
  { instance, at, state }: StoredInstance,
  now: number,
  maxAge: number = defaultMaxAge(state),
  since: number = 0,
): HeartbeatInstance {
  const age = now - at;
  const check = judgeAge(state, Math.min(age, now - since), maxAge);
  return Object.freeze({ ...check, age: age / 1000, instance, maxAge: maxAge / 1000 });
}
