import type { Circuit } from "../../circuit-breaker/circuit.js";
import type { CircuitExport } from "../../circuit-breaker/report.js";
import type { Store } from "../store/store.js";
import type { Timer } from "../../kernel/clock.js";
import { Script } from "../store/script.js";
import { circuitLua } from "./circuit-lua.js";
import type { SharedSettings } from "./options.js";
import { type Reply, replyOf } from "./told.js";

const CIRCUIT = new Script(circuitLua());

/** 142 years, up to which microseconds are exact. */
const LONGEST = 2 ** 52;

/** Milliseconds as whole microseconds. */
export const microseconds = (milliseconds: number): number =>
  Math.min(LONGEST, Math.max(1, Math.round(milliseconds * 1000)));

/** What is asked of the circuit in the store: see `circuitLua`. */
export type Operation =
  | "read"
  | "join"
  | "count"
  | "trip"
  | "admit"
  | "renew"
  | "settle"
  | "put"
  | "tell"
  | "extend";

/** A state as the words of "put" and "tell". */
export function wordsOf(
  { state, remainingSeconds, failureCount, reopenings }: CircuitExport,
  isCounted: boolean,
  reason: string,
): readonly (string | number)[] {
  const left = remainingSeconds > 0 ? microseconds(remainingSeconds * 1000) : 0;
  return [state, left, state === "open" || isCounted ? failureCount : 0, reopenings, reason];
}

/** The circuit in the store: one hash, and one script for all that is asked of it. */
export class CircuitStore {
  readonly key: string;
  readonly #store: Store;
  readonly #circuit: Circuit;
  readonly #shared: Pick<SharedSettings, "client" | "clock" | "lease" | "quorum" | "storeTimeout">;
  readonly #instance: string;

  constructor(store: Store, circuit: Circuit, settings: SharedSettings, instance: string) {
    this.#store = store;
    this.#circuit = circuit;
    this.#shared = settings;
    this.#instance = instance;
    // In braces, so that a cluster keeps all keys of a circuit on one node; those of the name would end them early.
    const name = settings.name.replaceAll(/[{}]/g, encodeURIComponent);
    this.key = `${settings.keyPrefix}circuit:{${name}}`;
  }

  /** Rejects when the store does not answer in time, or not as it should. */
  async run(
    operation: Operation,
    era: number,
    words: readonly (string | number)[],
    late?: (reply: Reply) => void,
  ): Promise<Reply> {
    const args = this.#argsOf(operation, era, words);
    const cameLate = (reply: unknown): void => {
      const read = replyOf(reply);
      if (read !== undefined) late?.(read);
    };
    const reply = replyOf(await this.#store.run(CIRCUIT, [this.key], args, cameLate));
    if (reply === undefined) throw new TypeError("the store has answered with something else");
    return reply;
  }

  /**
   * Gives permits back when the circuit is closed: also while the store counts as away, since it may be asked for the last
   * time. Resolves with the answer, or when the store has had its time. Never rejects.
   */
  async release(era: number, ids: readonly string[]): Promise<void> {
    const { client, clock, storeTimeout } = this.#shared;
    const given = client.run(CIRCUIT, [this.key], this.#argsOf("settle", era, ["ignored", ...ids]));
    let timer: Timer | undefined;
    const over = new Promise<void>((resolve) => (timer = clock.setTimer(resolve, storeTimeout)));
    await Promise.race([given.catch(() => {}), over]);
    timer?.cancel();
  }

  #argsOf(
    operation: Operation,
    era: number,
    words: readonly (string | number)[],
  ): readonly (string | number)[] {
    return [operation, era, ...this.#rules(), this.#instance, ...words];
  }

  #rules(): readonly number[] {
    const { settings, limits } = this.#circuit;
    const { initial, factor, max, by } = settings.resetTimeout;
    // Drawn here, as Lua in a store must not draw. What a function says comes afterwards, by "extend".
    const scale = by === undefined && settings.jitter > 0 ? limits.openFor(0, false) / initial : 1;
    return [
      limits.maxFailures,
      microseconds(initial),
      factor,
      microseconds(max),
      scale,
      limits.halfOpenMaxCalls,
      limits.halfOpenFailures,
      microseconds(limits.probeTimeout),
      microseconds(this.#shared.lease),
      this.#shared.quorum,
    ];
  }
}
