/** How many keys are remembered; far more than two connections deliver while both are open. */
const MOST = 10_000;

/** Knows which connection has delivered a message first, by the message's key. */
export class SeenKeys {
  readonly #by = new Map<string | number, number>();

  /** Whether another connection has delivered it. One connection may deliver a key any number of times. */
  isDouble(key: string | number, connection: number): boolean {
    const first = this.#by.get(key);
    if (first !== undefined) return first !== connection;
    this.#by.set(key, connection);
    if (this.#by.size > MOST) {
      for (const oldest of this.#by.keys()) {
        this.#by.delete(oldest);
        break;
      }
    }
    return false;
  }
}
