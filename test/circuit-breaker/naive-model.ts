export type Outcome = "success" | "failure" | "ignored";

export interface ModelLimits {
  readonly maxFailures: number;
  readonly halfOpenMaxCalls: number;
  /** Milliseconds. */
  readonly initial: number;
  readonly factor: number;
  readonly max: number;
  readonly probeTimeout: number;
}

export interface ModelOptions extends ModelLimits {
  /** A failure rate over the last `calls` calls instead of `maxFailures`. */
  readonly rate?:
    | { readonly threshold: number; readonly calls: number; readonly minCalls: number }
    | undefined;
}

interface ModelCall {
  /** Its permit is its own. */
  counts: boolean;
  /** Whether its success still counts: no probe has failed since, and the circuit was not reset or isolated. */
  isNews: boolean;
  readonly probe: boolean;
  deadline: number;
}

/**
 * The simplest possible circuit breaker: eager, with a timer for every deadline and a list of all calls. Written from the contract, not from the implementation.
 */
export class NaiveModel {
  mode: "closed" | "open" | "half-open" = "closed";
  holds = 0;
  total = 0;
  successful = 0;
  failed = 0;
  rejected = 0;
  ignored = 0;
  changes = 0;

  #time = 0;
  #inARow = 0;
  #history: boolean[] = [];
  #opensAgainAt = 0;
  #timesReopened = 0;
  #probeSuccesses = 0;
  #lateSuccesses = 0;
  #failuresAtTrip = 0;
  #calls = new Map<number, ModelCall>();
  #options: ModelOptions;

  constructor(options: ModelOptions) {
    this.#options = options;
  }

  get state(): string {
    return this.holds > 0 ? "isolated" : this.mode;
  }

  get failureCount(): number {
    if (this.mode !== "closed") return this.#failuresAtTrip;
    return this.#options.rate === undefined ? this.#inARow : this.#history.filter(Boolean).length;
  }

  get remainingSeconds(): number {
    if (this.holds > 0) return Infinity;
    const until =
      this.mode === "open" ? this.#opensAgainAt : Math.min(...this.#probes().map((c) => c.deadline));
    return (until - this.#time) / 1000;
  }

  advance(milliseconds: number): void {
    if (this.holds > 0) return;
    for (let left = milliseconds; left > 0; left--) {
      this.#time++;
      if (this.mode === "half-open" && this.#probes().some((call) => call.deadline === this.#time)) {
        this.#failuresAtTrip++;
        this.#reopen("timeout");
      } else if (this.mode === "open" && this.#opensAgainAt === this.#time) {
        this.#probeSuccesses = 0;
        this.#change("half-open");
      }
    }
  }

  /** Whether the call was admitted. */
  start(id: number): boolean {
    this.total++;
    const full =
      this.#probes().length + this.#probeSuccesses + this.#lateSuccesses >= this.#options.halfOpenMaxCalls;
    if (this.holds > 0 || this.mode === "open" || (this.mode === "half-open" && full)) {
      this.rejected++;
      return false;
    }
    const deadline = this.#time + this.#options.probeTimeout;
    this.#calls.set(id, { counts: true, isNews: true, probe: this.mode === "half-open", deadline });
    return true;
  }

  settle(id: number, outcome: Outcome): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (outcome === "success") this.successful++;
    if (outcome === "failure") this.failed++;
    if (outcome === "ignored") this.ignored++;
    if (call === undefined || outcome === "ignored") return;
    if (!call.counts) {
      if (!call.isNews || !call.probe || outcome === "failure") return;
      this.#lateSuccesses++;
      this.#closeIfRecovered();
    } else if (this.mode === "closed") this.#settleClosed(outcome === "failure");
    else if (outcome === "failure") {
      this.#failuresAtTrip++;
      this.#reopen("failure");
    } else {
      this.#probeSuccesses++;
      this.#closeIfRecovered();
    }
  }

  /** Changes the limits and keeps the state. */
  update(limits: ModelLimits): void {
    this.#options = { ...this.#options, ...limits };
    if (this.mode === "closed") return;
    const before = this.changes;
    this.#closeIfRecovered();
    // An isolated circuit emits nothing.
    if (this.holds > 0) this.changes = before;
  }

  #closeIfRecovered(): void {
    if (this.#probeSuccesses + this.#lateSuccesses < this.#options.halfOpenMaxCalls) return;
    this.#forgetAll();
    this.#change("closed");
    this.#startAfresh();
  }

  /** Calls under way no longer count. */
  #startAfresh(): void {
    this.#lateSuccesses = 0;
    for (const call of this.#calls.values()) call.isNews = false;
  }

  hold(): void {
    if (this.holds++ > 0) return;
    this.#change(this.mode);
    const late = this.#lateSuccesses;
    this.#startAfresh();
    this.#lateSuccesses = late;
  }

  release(): void {
    if (--this.holds === 0) this.changes++;
  }

  reset(): void {
    this.#forgetAll();
    const unchanged = this.holds > 0 || this.mode === "closed";
    this.#change("closed");
    this.#startAfresh();
    if (unchanged) this.changes--;
  }

  #settleClosed(failed: boolean): void {
    this.#inARow = failed ? this.#inARow + 1 : 0;
    this.#history.push(failed);
    const { rate, maxFailures } = this.#options;
    if (rate !== undefined) this.#history = this.#history.slice(-rate.calls);
    const bad = this.#history.filter(Boolean).length;
    const trips =
      rate === undefined
        ? this.#inARow >= maxFailures
        : this.#history.length >= rate.minCalls && bad >= rate.threshold * this.#history.length - 1e-9;
    if (!trips) return;
    this.#failuresAtTrip = rate === undefined ? this.#inARow : bad;
    this.#timesReopened = -1;
    this.#reopen("failure");
  }

  #reopen(why: "failure" | "timeout"): void {
    if (why === "failure") this.#startAfresh();
    this.#probeSuccesses = 0;
    this.#timesReopened++;
    let wait = this.#options.initial;
    for (let n = 0; n < this.#timesReopened; n++)
      wait = Math.min(wait * this.#options.factor, this.#options.max);
    this.#opensAgainAt = this.#time + wait;
    this.#change("open");
  }

  #change(mode: "closed" | "open" | "half-open"): void {
    this.mode = mode;
    this.changes++;
    for (const call of this.#calls.values()) call.counts = false;
  }

  #forgetAll(): void {
    this.#inARow = 0;
    this.#history = [];
  }

  #probes(): ModelCall[] {
    return [...this.#calls.values()].filter((call) => call.counts && call.probe);
  }
}
