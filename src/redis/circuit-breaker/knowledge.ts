import type { State } from "../../circuit-breaker/machine.js";
import type { Clock } from "../../kernel/clock.js";
import type { Known } from "./merge.js";
import type { Reply, Told } from "./told.js";

/** What an instance knows of the order of states. */
export class Knowledge {
  /** When the known state began, in microseconds of the server. */
  era = 0;
  #change = 0;
  readonly #clock: Clock;
  /** What the server's microseconds are ahead of this instance's clock. */
  #ahead = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(state: Told["state"]): Known {
    return { state, era: this.era, change: this.#change };
  }

  /** The store has answered just now a question sent at `sent`, milliseconds of the clock. */
  answered({ now }: Reply, sent: number): void {
    // Wrong by half of the round trip at most.
    this.#ahead = now - ((sent + this.#clock.now()) / 2) * 1000;
  }

  adopt({ era, change }: Told): void {
    // Of two closed circuits the later era stays, though the store has lost it.
    this.era = Math.max(this.era, era);
    this.#change = change;
  }

  /** Notes a transition that this instance has decided alone, and returns the next state. */
  decided(before: State, next: State): State {
    const isTransition = before.kind !== next.kind && before.kind !== "isolated" && next.kind !== "isolated";
    if (isTransition) this.decide();
    return next;
  }

  /** This instance has decided on a transition alone: its era can be compared with those of the server. */
  decide(): void {
    this.era = Math.max(this.era + 1, Math.floor(this.#clock.now() * 1000 + this.#ahead));
  }
}
