import type { Clock } from "../../kernel/clock.js";
import type { Store } from "../store/store.js";
import { StoreError } from "../store/store-error.js";
import { TAKE } from "./take-script.js";
import type { TieredCost } from "./tiered-limits.js";

/**
 * So many keys of one call keep the server for a sixth of a millisecond. With twice as many, requests that are made again
 * when they are answered would all travel in one call, and this process would stand still while the server works.
 */
const MOST_KEYS = 32;

/** What the store answers to an {@link Ask}. */
export interface Answer {
  /** How many of the requests were granted. */
  readonly granted: number;
  /** Milliseconds after `sent` until one more would be. */
  readonly wait: number;
  /** The clock's time before the question was sent. */
  readonly sent: number;
  /** Of each tier, for giving back. */
  readonly marks: readonly string[];
  /** Whether none may wait for it. */
  readonly isBlocked: boolean;
}

/** Some equal requests of one key. */
export interface Ask {
  /** The bucket of each tier. */
  readonly keys: readonly string[];
  readonly cost: TieredCost;
  readonly count: number;
  /** Exactly one of these two is called, once. */
  answered(answer: Answer): void;
  failed(error: unknown): void;
  /** Called with an answer that came after `failed`. */
  late(answer: Answer): void;
}

/** Whoever has something to ask at the end of the tick. */
interface Asker {
  asks(): readonly Ask[];
}

/** All that is asked in one tick travels together, in order: one call where all requests are equal and fit into it. */
export class TakeBatch {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #isCluster: boolean;
  #askers = new Set<Asker>();
  readonly #calls = new Set<Promise<unknown>>();
  #totalCalls = 0;

  constructor(store: Store, clock: Clock, isCluster: boolean) {
    this.#store = store;
    this.#clock = clock;
    this.#isCluster = isCluster;
  }

  /** How many calls were sent. */
  get totalCalls(): number {
    return this.#totalCalls;
  }

  /** Asks at the end of the tick. */
  add(asker: Asker): void {
    if (this.#askers.size === 0) setImmediate(this.#flush);
    this.#askers.add(asker);
  }

  /** Resolves when every call that was sent is answered or has failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#calls);
  }

  readonly #flush = (): void => {
    const askers = this.#askers;
    this.#askers = new Set();
    let call: Ask[] = [];
    for (const asker of askers) {
      for (const ask of asker.asks()) {
        const [first] = call;
        const isFull = (call.length + 1) * ask.keys.length > MOST_KEYS;
        // In a cluster each key may be at another node.
        if (first !== undefined && (this.#isCluster || isFull || first.cost !== ask.cost)) {
          this.#send(call);
          call = [];
        }
        call.push(ask);
      }
    }
    if (call.length > 0) this.#send(call);
  };

  #send(call: readonly Ask[]): void {
    const [first] = call;
    if (first === undefined) return;
    this.#totalCalls++;
    const sent = this.#clock.now();
    const keys = call.flatMap((ask) => ask.keys);
    const args = [...first.cost.args, ...call.map(({ count }) => count)];
    const late = (reply: unknown): void => {
      const answers = answersOf(reply, call, sent);
      if (answers === undefined) return;
      for (const { ask, answer, wrong } of answers) if (wrong === undefined) ask.late(answer);
    };
    const replied = (reply: unknown): void => {
      const answers = answersOf(reply, call, sent);
      if (answers === undefined) failed(new StoreError("the store's answer is none of the take script."));
      else {
        for (const { ask, answer, wrong } of answers) {
          if (wrong === undefined) ask.answered(answer);
          else ask.failed(new StoreError(`the store failed: ${wrong}`));
        }
      }
    };
    const failed = (error: unknown): void => {
      for (const ask of call) ask.failed(error);
    };
    const ended: Promise<unknown> = this.#store
      .run(TAKE, keys, args, late)
      .then(replied, failed)
      .finally(() => this.#calls.delete(ended));
    this.#calls.add(ended);
  }
}

interface Answered {
  readonly ask: Ask;
  readonly answer: Answer;
  /** What is wrong with one of its keys; nothing was taken then. */
  readonly wrong: string | undefined;
}

/** The answers of a reply; `undefined` when it is odd. */
function answersOf(reply: unknown, call: readonly Ask[], sent: number): readonly Answered[] | undefined {
  if (!Array.isArray(reply)) return undefined;
  let at = 0;
  const answers = call.map((ask): Answered => {
    const words: readonly unknown[] = reply.slice(at, at + 2 + ask.keys.length);
    at += 2 + ask.keys.length;
    const [told = NaN, wait = NaN, ...marks] = words.map(Number);
    const isBlocked = told === -2;
    return {
      ask,
      answer: { granted: isBlocked ? 0 : told, wait: wait / 1000, sent, marks: marks.map(String), isBlocked },
      wrong: told === -1 ? String(words[1]) : undefined,
    };
  });
  const isOdd = answers.some(
    ({ ask: { count }, answer: { granted, wait }, wrong }) =>
      wrong === undefined && !(granted >= 0 && granted <= count && wait >= 0),
  );
  return isOdd || reply.length !== at ? undefined : answers;
}
