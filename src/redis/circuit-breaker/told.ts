import type { CircuitStateReason } from "../../circuit-breaker/report.js";

/** A state of the shared circuit, as the store tells it in a reply or a message. */
export interface Told {
  readonly state: "closed" | "open" | "half-open";
  /** When the state began, in microseconds of the server; a later one wins. 0: nothing is stored. */
  readonly era: number;
  /** The number of the last change: greater for each change of a store that forgets nothing. */
  readonly change: number;
  /** Milliseconds until asking for a permit makes sense. */
  readonly wait: number;
  readonly failures: number;
  readonly reopenings: number;
  readonly reason: CircuitStateReason;
}

/** The reply of the circuit's script. */
export interface Reply extends Told {
  /** What the operation has come to, such as the number of permits. */
  readonly result: number;
  /** Whether it has opened the circuit. */
  readonly hasOpened: boolean;
  /** Microseconds of the server's clock. */
  readonly now: number;
  /** The name of the channel of the changes, as the server sees it. */
  readonly channel: string;
}

const REASONS: readonly string[] = [
  "tripped",
  "reset-timeout",
  "recovered",
  "probe-failed",
  "probe-timeout",
  "reset",
  "restored",
] satisfies readonly CircuitStateReason[];

const isState = (text: string): text is Told["state"] =>
  text === "closed" || text === "open" || text === "half-open";
const isReason = (text: string): text is CircuitStateReason => REASONS.includes(text);

/** Reads the words of a state: what is not one is `undefined`. */
function toldOf(words: readonly string[]): Told | undefined {
  const [state = "", era, change, wait, failures, reopenings, reason = ""] = words;
  const numbers = [era, change, wait, failures, reopenings].map(Number);
  if (!isState(state) || !isReason(reason) || !numbers.every((number) => number >= 0 && number < Infinity))
    return undefined;
  const [asEra = 0, asChange = 0, asWait = 0, asFailures = 0, asReopenings = 0] = numbers;
  return {
    state,
    era: asEra,
    change: asChange,
    wait: asWait / 1000,
    failures: asFailures,
    reopenings: asReopenings,
    reason,
  };
}

/** A reply of the circuit's script; `undefined` when it is none. */
export function replyOf(reply: unknown): Reply | undefined {
  if (!Array.isArray(reply) || reply.length < 11) return undefined;
  // A client may give texts as buffers, and numbers as one likes.
  const words = reply.map((word: unknown) =>
    ["string", "number", "bigint"].includes(typeof word) || Buffer.isBuffer(word) ? String(word) : "",
  );
  const told = toldOf(words);
  const [result = "", hasOpened = "", now = "", channel = ""] = words.slice(7);
  if (told === undefined || channel === "") return undefined;
  return {
    ...told,
    result: Number(result) || 0,
    hasOpened: hasOpened === "1",
    now: Number(now) || 0,
    channel,
  };
}

/** What a message of the channel says: a state, or that calls have begun to fail; `undefined` for anything else. */
export function messageOf(text: string): Told | "failing" | undefined {
  const [version, kind, ...words] = text.split(" ");
  if (version !== "1") return undefined;
  if (kind === "failing") return "failing";
  return kind === "state" ? toldOf(words) : undefined;
}
