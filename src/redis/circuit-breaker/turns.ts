/** Asks for half-open permits: one question at a time, for all calls that wait for one. */
export class Turns {
  readonly #ask: (wanted: number) => Promise<readonly string[]>;
  readonly #isDue: () => boolean;
  #waiting: ((id: string | undefined) => void)[] = [];
  #isAsking = false;

  /**
   * @param ask returns the ids of the permits that were given; must not reject.
   * @param isDue whether asking makes sense.
   */
  constructor(ask: (wanted: number) => Promise<readonly string[]>, isDue: () => boolean) {
    this.#ask = ask;
    this.#isDue = isDue;
  }

  /** The id of a permit; `undefined` when there is none, or when none is needed any more. */
  take(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#isAsking) void this.#askForAll();
    });
  }

  async #askForAll(): Promise<void> {
    this.#isAsking = true;
    // Calls of the same tick go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const ids = this.#isDue() ? await this.#ask(waiting.length) : [];
      waiting.forEach((resolve, index) => resolve(ids[index]));
      // They take their permits before it is asked anew.
      await Promise.resolve();
    }
    this.#isAsking = false;
  }
}
