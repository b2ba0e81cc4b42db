import type { Clock } from "../../kernel/clock.js";
import type { Store } from "../store/store.js";
import { StoreError } from "../store/store-error.js";
import type { Holds } from "./holds.js";
import { LEFT } from "./left-script.js";
import type { LocalBuckets } from "./local-buckets.js";
import { PAUSE } from "./pause-script.js";
import { REFILL } from "./refill-script.js";
import type { Refusals } from "./refusals.js";
import type { SharedBucket } from "./shared-bucket.js";
import type { TieredLimits } from "./tiered-limits.js";

/** In microseconds: more than a hundred years. */
const LONGEST_PAUSE = 2 ** 52;

/** What a {@link BucketControl} needs of its limiter's buckets. */
export interface ControlledBuckets {
  readonly clock: Clock;
  readonly store: Store;
  readonly holds: Holds;
  readonly refusals: Refusals;
  readonly limits: TieredLimits;
  readonly local: LocalBuckets | undefined;
  /** The requests of this process for a key, or for any key that has one of these buckets. */
  requestsFor(keys: readonly string[], id: string | undefined): readonly SharedBucket[];
}

/**
 * What is done to buckets by hand, for all processes. This one knows at once, the others with their next question.
 *
 * Each method takes the buckets, and the id of the key if they are no other's.
 */
export class BucketControl {
  readonly #buckets: ControlledBuckets;

  constructor(buckets: ControlledBuckets) {
    this.#buckets = buckets;
  }

  /** Admits nobody for so many milliseconds; of a block nobody waits. Resolves with whether the store knows. */
  async hold(
    keys: readonly string[],
    milliseconds: number,
    kind: "pause" | "block",
    id?: string,
  ): Promise<boolean> {
    const { clock, store, holds, local } = this.#buckets;
    const now = clock.now();
    const isBlock = kind === "block";
    const version = holds.set(keys, now, now + milliseconds, isBlock);
    if (id !== undefined) local?.[kind](id, milliseconds);
    for (const requests of this.#buckets.requestsFor(keys, id)) {
      requests.hold(holds.until(requests.keys), isBlock);
    }
    const microseconds = Math.min(LONGEST_PAUSE, Math.ceil(milliseconds * 1000));
    return succeed(
      keys.map((key) => {
        // Also if it says so too late.
        const written = (): void => holds.written(key, version, clock.now());
        return store.run(PAUSE, [key], [microseconds, isBlock ? 1 : 0], written).then(written);
      }),
    );
  }

  /** Gives tokens to all of the buckets, up to full ones. Resolves with whether the store has done it. */
  async refill(keys: readonly string[], tokens: number, id?: string): Promise<boolean> {
    const { store, limits, refusals, local } = this.#buckets;
    if (id !== undefined) local?.refill(id, tokens);
    const isDone = await succeed([store.run(REFILL, keys, [0, ...limits.given(tokens)])]);
    // What is remembered may be older; also if it was done, and only the answer is lost.
    forgetRefusals(refusals, id);
    for (const requests of this.#buckets.requestsFor(keys, id)) requests.askNow();
    return isDone;
  }

  /** Fills the buckets, and ends what holds them. Resolves with whether the store has done it. */
  async reset(keys: readonly string[], id?: string): Promise<boolean> {
    const { store, holds, refusals, local } = this.#buckets;
    if (id !== undefined) local?.reset(id);
    const isDone = await succeed([store.run(REFILL, keys, [1])]);
    holds.forget(keys);
    forgetRefusals(refusals, id);
    for (const requests of this.#buckets.requestsFor(keys, id)) {
      if (isDone) requests.reset();
      else requests.askNow();
    }
    return isDone;
  }

  /** How many tokens all of the buckets have. */
  async tokens(keys: readonly string[]): Promise<number> {
    const { store, limits } = this.#buckets;
    const reply = await store.run(LEFT, keys, []);
    const numbers = Array.isArray(reply) ? reply.map(Number) : [];
    if (numbers.length !== keys.length * 3 || !numbers.every(Number.isSafeInteger)) {
      throw new StoreError("the store's answer is none of the left script.");
    }
    return limits.tokensIn(numbers);
  }
}

async function succeed(calls: readonly Promise<unknown>[]): Promise<boolean> {
  const outcomes = await Promise.allSettled(calls);
  return outcomes.every(({ status }) => status === "fulfilled");
}

/** Without an id, other keys have the buckets as well. */
function forgetRefusals(refusals: Refusals, id: string | undefined): void {
  if (id === undefined) refusals.clear();
  else refusals.forget(id);
}
