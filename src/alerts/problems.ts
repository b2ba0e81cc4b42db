/** A problem that is not over. */
export interface Problem<Told> {
  /** Of the last alert of it. */
  title: string;
  /** Those to be told of its end, with the number of alerts that they got or are to get. */
  readonly told: Map<Told, number>;
}

/** Problems that are not over, by their keys; the oldest first. */
export class Problems<Told> {
  readonly #most: number;
  readonly #forgotten: (key: string, title: string) => void;
  readonly #byKey = new Map<string, Problem<Told>>();

  /**
   * @param most how many are remembered.
   * @param forgotten is called for the oldest when there is one more.
   */
  constructor(most: number, forgotten: (key: string, title: string) => void) {
    this.#most = most;
    this.#forgotten = forgotten;
  }

  get keys(): readonly string[] {
    return [...this.#byKey.keys()];
  }

  /** An alert of a problem is to be told. */
  begin(key: string, title: string, told: readonly Told[]): Problem<Told> {
    const problem = this.end(key) ?? { title, told: new Map<Told, number>() };
    problem.title = title;
    for (const one of told) problem.told.set(one, (problem.told.get(one) ?? 0) + 1);
    this.#byKey.set(key, problem);
    const [oldest] = this.#byKey;
    if (this.#byKey.size > this.#most && oldest !== undefined) {
      this.#byKey.delete(oldest[0]);
      this.#forgotten(oldest[0], oldest[1].title);
    }
    return problem;
  }

  /** An alert of it did not arrive. Where nobody was told of a problem, nobody is told of its end. */
  forget(key: string, { told }: Problem<Told>, untold: readonly Told[]): void {
    for (const one of untold) {
      const left = (told.get(one) ?? 0) - 1;
      if (left > 0) told.set(one, left);
      else told.delete(one);
    }
    if (told.size === 0 && this.#byKey.get(key)?.told === told) this.#byKey.delete(key);
  }

  /** It is over. */
  end(key: string): Problem<Told> | undefined {
    const found = this.#byKey.get(key);
    this.#byKey.delete(key);
    return found;
  }
}
