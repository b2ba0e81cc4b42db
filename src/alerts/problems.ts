import type { Delivery } from "./alert.js";

interface Problem<Told> {
  readonly alert: Delivery;
  readonly told: readonly Told[];
}

/** Problems that are not over, by their keys, with those who were told; the oldest first. */
export class Problems<Told> {
  readonly #most: number;
  readonly #byKey = new Map<string, Problem<Told>>();

  /** @param most how many are remembered. */
  constructor(most: number) {
    this.#most = most;
  }

  get keys(): readonly string[] {
    return [...this.#byKey.keys()];
  }

  begin(key: string, alert: Delivery, told: readonly Told[]): void {
    const known = this.#byKey.get(key)?.told ?? [];
    this.#byKey.delete(key);
    this.#byKey.set(key, { alert, told: [...new Set([...known, ...told])] });
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > this.#most && oldest !== undefined) this.#byKey.delete(oldest);
  }

  /** Where nobody was told of a problem, nobody is told of its end. */
  forget(key: string, alert: Delivery, untold: readonly Told[]): void {
    const found = this.#byKey.get(key);
    // A later alert of that key counts for itself.
    if (found?.alert !== alert) return;
    const told = found.told.filter((one) => !untold.includes(one));
    if (told.length > 0) this.#byKey.set(key, { alert, told });
    else this.#byKey.delete(key);
  }

  /** It is over. */
  end(key: string): Problem<Told> | undefined {
    const found = this.#byKey.get(key);
    this.#byKey.delete(key);
    return found;
  }
}
