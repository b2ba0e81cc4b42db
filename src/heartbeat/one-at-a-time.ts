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
    // Added before anybody can wait for the next run, so it comes before that begins.
    const leave = (): void => {
      this.#running = undefined;
    };
    run.then(leave, leave);
    return run;
  }
}
