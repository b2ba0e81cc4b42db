import type { Clock, Timer } from "../../kernel/clock.js";
import type { StoreClient } from "../store/client.js";
import type { SharedSettings } from "./options.js";

/** Keeps what is known fresh: by a subscription, and by asking while there is none or something is to be expected. */
export class Freshness {
  readonly #client: StoreClient;
  readonly #clock: Clock;
  readonly #maxAge: number;
  readonly #told: (text: string) => void;
  readonly #ask: () => void;
  #subscription: Promise<AsyncDisposable | undefined> | undefined;
  #isSubscribed = false;
  #isOver = false;
  #timer: Timer | undefined;

  /**
   * @param told receives the messages.
   * @param ask asks for the current state.
   */
  constructor(
    { client, clock, maxAge }: Pick<SharedSettings, "client" | "clock" | "maxAge">,
    told: (text: string) => void,
    ask: () => void,
  ) {
    this.#client = client;
    this.#clock = clock;
    this.#maxAge = maxAge;
    this.#told = told;
    this.#ask = ask;
  }

  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  /** Subscribes, unless that was done: the store has told the name of the channel. */
  listen(channel: string): void {
    if (this.#isOver) return;
    this.#subscription ??= this.#subscribe(channel);
  }

  /**
   * Plans when to ask next, in place of what was planned: never while the circuit is closed and the subscription is there.
   *
   * @param left milliseconds for which it stays open.
   */
  plan(isShared: boolean, state: "closed" | "open" | "half-open", left: number): void {
    if (!isShared || !this.#isSubscribed) this.#askIn(this.#maxAge / 2);
    else if (state === "closed") this.#askIn(undefined);
    // Who knows an open circuit sees that the store has lost it.
    else this.#askIn(state === "open" ? Math.min(this.#maxAge, left) : this.#maxAge);
  }

  #askIn(delay: number | undefined): void {
    this.#timer?.cancel();
    this.#timer =
      delay === undefined || this.#isOver
        ? undefined
        : this.#clock.setTimer(this.#ask, Math.max(1, delay), { ref: false });
  }

  async close(): Promise<void> {
    const wasSubscribed = this.#isSubscribed;
    this.#isOver = true;
    this.#isSubscribed = false;
    this.#askIn(undefined);
    const ended = this.#subscription?.then((subscription) => subscription?.[Symbol.asyncDispose]());
    // One that has not begun may have to wait for a server that is away.
    if (wasSubscribed) await ended?.catch(() => {});
    else ended?.catch(() => {});
  }

  async #subscribe(channel: string): Promise<AsyncDisposable | undefined> {
    try {
      const subscription = await this.#client.subscribe(channel, {
        message: (text) => {
          if (!this.#isOver) this.#told(text);
        },
        lost: () => this.#changed(false),
        restored: () => this.#changed(true),
      });
      this.#changed(true);
      return subscription;
    } catch {
      // Tried again with the next answer of the store; until then it is asked.
      this.#subscription = undefined;
      return undefined;
    }
  }

  /** Messages may have been missed. */
  #changed(isSubscribed: boolean): void {
    if (this.#isOver) return;
    this.#isSubscribed = isSubscribed;
    this.#ask();
  }
}
