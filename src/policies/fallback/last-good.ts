/** The last good results by key, the oldest first; at most `maxKeys` are kept. */
export class LastGood {
  readonly #maxKeys: number;
  readonly #maxAge: number;
  readonly #results = new Map<string, { readonly value: unknown; readonly at: number }>();

  constructor(maxKeys: number, maxAge: number) {
    this.#maxKeys = maxKeys;
    this.#maxAge = maxAge;
  }

  get size(): number {
    return this.#results.size;
  }

  set(key: string, value: unknown, now: number): void {
    // Deleted first: a map does not move a key that is set again.
    this.#results.delete(key);
    this.#results.set(key, { value, at: now });
    if (this.#results.size <= this.#maxKeys) return;
    const [oldest] = this.#results.keys();
    if (oldest !== undefined) this.#results.delete(oldest);
  }

  /** The result of the key, in an array (it may be `undefined`), unless it is missing or too old. */
  get(key: string, now: number): readonly [value: unknown] | undefined {
    const found = this.#results.get(key);
    if (found === undefined) return undefined;
    if (now - found.at <= this.#maxAge) return [found.value];
    this.#results.delete(key);
    return undefined;
  }
}
