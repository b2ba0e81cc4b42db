/** Runs a job that must not overlap with itself; all who ask while it runs share one more run after it. */
export class OneAtATime {
  readonly #job: () => Promise<void>;
  #running: Promise<void> | undefined;
  #again: Promise<void> | undefined;

  constructor(job: () => Promise<void>) {
    this.#job = job;
  }

  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Settles as the run does that began after this call. */
  run(): Promise<void> {
    if (this.#running === undefined) return this.#begin();
    const begin = (): Promise<void> => this.#begin();
    this.#again ??= this.#running.then(begin, begin);
    return this.#again;
  }

  #begin(): Promise<void> {
    this.#again = undefined;
    const run = this.#job();
    this.#running = run;
    const leave = (): void => {
      // When somebody waits the place is not free in between.
      if (this.#again === undefined) this.#running = undefined;
    };
    run.then(leave, leave);
    return run;
  }
}
