import type { Clock } from "../../kernel/clock.js";
import type { Store } from "../store/store.js";
import type { StoreClient } from "../store/store-client.js";
import type { Grant } from "./bucket-parts.js";
import { GIVE_BACK } from "./give-back-script.js";

/** What was taken from the store, and goes back to it. */
export class GiveBacks {
  readonly #client: StoreClient;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #arrived: (grant: Grant) => void;
  readonly #underWay = new Set<Promise<unknown>>();
  /** Whether the store is closed here; a reservation may be held for longer. */
  #isOver = false;

  /** @param arrived is told when the store has got it. */
  constructor(client: StoreClient, store: Store, clock: Clock, arrived: (grant: Grant) => void) {
    this.#client = client;
    this.#store = store;
    this.#clock = clock;
    this.#arrived = arrived;
  }

  /** @param taken what goes back to the bucket of each tier, as the script wants it. */
  add(grant: Grant, taken: readonly string[]): void {
    const returning = this.#giveBack(grant, taken).finally(() => this.#underWay.delete(returning));
    this.#underWay.add(returning);
    this.#clock.track?.(returning);
  }

  /** Resolves when nothing is under way any more; what goes back later goes by the client itself. */
  async end(): Promise<void> {
    await Promise.all(this.#underWay);
    this.#isOver = true;
  }

  async #giveBack(grant: Grant, taken: readonly string[]): Promise<void> {
    const { keys, marks } = grant;
    const args = taken.flatMap((time, tier) => [time, marks[tier] ?? "0"]);
    try {
      await (this.#isOver ? this.#client : this.#store).run(GIVE_BACK, keys, args);
    } catch {
      // It may have been done, and only the answer is lost. Not tried again: rather a token too few.
      return;
    }
    this.#arrived(grant);
  }
}
