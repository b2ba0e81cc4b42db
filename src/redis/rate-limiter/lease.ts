import type { Clock, Timer } from "../../kernel/clock.js";

/** How many tokens are taken ahead, and for how many milliseconds. */
export interface LeaseLimits {
  readonly tokens: number;
  readonly maxAge: number;
}

/** Tokens of one grant that nobody has used yet. */
interface Taken<Grant> {
  tokens: number;
  readonly until: number;
  readonly grant: Grant;
}

/** Tokens of one key that were taken ahead. Those that have lain too long go back; no timer of it keeps the process alive. */
export class Lease<Grant> {
  readonly #limits: LeaseLimits;
  readonly #clock: Clock;
  readonly #giveBack: (grant: Grant, tokens: number) => void;
  readonly #emptied: () => void;
  readonly #taken: Taken<Grant>[] = [];
  #timer: Timer | undefined;
  /** Whether the store is being asked for more. */
  isFetching = false;

  /** @param emptied is called when the last tokens have gone back. */
  constructor(
    limits: LeaseLimits,
    clock: Clock,
    giveBack: (grant: Grant, tokens: number) => void,
    emptied: () => void,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#giveBack = giveBack;
    this.#emptied = emptied;
  }

  /** How many tokens to ask for at a time. */
  get size(): number {
    return this.#limits.tokens;
  }

  /** Whether it is time to ask for more: a quarter is left. */
  get isLow(): boolean {
    return !this.isFetching && this.#left <= this.size / 4;
  }

  get isEmpty(): boolean {
    return this.#taken.length === 0;
  }

  /** @param sent when the store was asked for them: it has granted them later. */
  add(grant: Grant, tokens: number, sent: number): void {
    const until = sent + this.#limits.maxAge;
    this.#taken.push({ tokens, until, grant });
    this.#timer ??= this.#expireIn(Math.max(0, until - this.#clock.now()));
  }

  /** Takes so many, the oldest first; all of them or none. Returns the grant of the last. */
  take(tokens: number, now: number): Grant | undefined {
    const [first] = this.#taken;
    if (first === undefined || first.until <= now) return undefined;
    if (first.tokens < tokens && this.#left < tokens) return undefined;
    let left = tokens;
    let grant: Grant | undefined;
    for (const taken of this.#taken) {
      const some = Math.min(left, taken.tokens);
      taken.tokens -= some;
      left -= some;
      grant = taken.grant;
      if (left <= 0) break;
    }
    while (this.#taken[0] !== undefined && this.#taken[0].tokens <= 0) this.#taken.shift();
    return grant;
  }

  /** Gives everything back. */
  end(): void {
    this.#expire(Infinity);
  }

  /** Forgets everything. */
  clear(): void {
    this.#taken.length = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  get #left(): number {
    return this.#taken.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  #expireIn(delay: number): Timer {
    return this.#clock.setTimer(() => this.#expire(this.#clock.now()), delay, { ref: false });
  }

  #expire(now: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    let first = this.#taken[0];
    for (; first !== undefined && first.until <= now; first = this.#taken[0]) {
      this.#taken.shift();
      this.#giveBack(first.grant, Math.floor(first.tokens));
    }
    if (first === undefined) this.#emptied();
    else this.#timer = this.#expireIn(first.until - now);
  }
}
