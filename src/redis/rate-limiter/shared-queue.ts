import type { Abortable } from "../../kernel/abort.js";
import { type Linked, LinkedList } from "../../kernel/linked-list.js";

/** A request that nobody has decided yet. */
export interface SharedRequest<Grant> extends Linked<SharedRequest<Grant>> {
  readonly cost: number;
  readonly since: number;
  /** The last moment at which its turn may come. */
  readonly deadline: number;
  /** Whether it waits for its turn; otherwise a refusal is its answer. */
  readonly waits: boolean;
  readonly signal: Abortable | undefined;
  /** Whether the tokens are used already: it needs no place, and nobody refuses it. */
  readonly isDebt?: true;
  readonly granted: (grant: Grant | undefined) => void;
  /** @param retryAfter seconds. */
  readonly refused: (retryAfter: number, why?: string) => void;
  readonly failed: (reason: unknown) => void;
  /** Whether the store was asked for it and has not answered. */
  isAsked: boolean;
  isOver: boolean;
  /** Removes the listener from its signal. */
  unlisten?: (() => void) | undefined;
}

/** Equal requests that the store is asked for together. */
export interface Run<Grant> {
  readonly cost: number;
  readonly requests: readonly SharedRequest<Grant>[];
}

/** The undecided requests for one key in the order in which they came, and which of them to ask the store for. Reads no clock. */
export class SharedQueue<Grant> {
  readonly #requests = new LinkedList<SharedRequest<Grant>>();
  /** The first one that the store was not asked for; all behind it may have been, if it was asked for them later. */
  #next: SharedRequest<Grant> | undefined;
  #waiters = 0;
  #waitingCost = 0;
  /** How many runs with waiters the store has not answered, and their cost. */
  #runsOfWaiters = 0;
  #costInFlight = 0;
  #deadlines = 0;
  /** Whether the store has refused one that waits now: nobody overtakes it. */
  isBlocked = false;

  get isEmpty(): boolean {
    return this.#requests.size === 0;
  }

  /** How many wait. */
  get waiters(): number {
    return this.#waiters;
  }

  /** Whether any of them has to have its turn in time. */
  get hasDeadlines(): boolean {
    return this.#deadlines > 0;
  }

  /** Whether there is one to ask the store for. */
  get hasUnasked(): boolean {
    return this.#next !== undefined;
  }

  /** Whether the store is being asked for waiters. */
  get isAsked(): boolean {
    return this.#runsOfWaiters > 0;
  }

  /** What all waiters together cost. */
  get waitingCost(): number {
    return this.#waitingCost;
  }

  /** The first waiter. */
  get firstWaiter(): SharedRequest<Grant> | undefined {
    let request = this.#requests.head;
    while (request !== undefined && !request.waits) request = request.after;
    return request;
  }

  push(request: SharedRequest<Grant>): void {
    this.#requests.push(request);
    this.#next ??= request;
    if (!request.waits) return;
    this.#waiters++;
    this.#waitingCost += request.cost;
    if (request.deadline < Infinity) this.#deadlines++;
  }

  /** Takes a request out; it is decided. */
  remove(request: SharedRequest<Grant>): void {
    if (this.#next === request) this.#next = request.after;
    request.isOver = true;
    request.unlisten?.();
    this.#requests.remove(request);
    if (!request.waits) return;
    this.#waiters--;
    if (request.deadline < Infinity) this.#deadlines--;
    // Sums of fractions are rounded; an empty queue starts from 0 again.
    this.#waitingCost = this.#waiters > 0 ? this.#waitingCost - request.cost : 0;
    if (this.#waiters === 0) this.isBlocked = false;
  }

  /** The waiters, in order; the one at hand may be removed. */
  *[Symbol.iterator](): Generator<SharedRequest<Grant>> {
    let after: SharedRequest<Grant> | undefined;
    for (let request = this.#requests.head; request !== undefined; request = after) {
      after = request.after;
      yield request;
    }
  }

  /**
   * What to ask the store for now, in order. Requests of another cost than waiters that it is asked for have to stand
   * back: what is granted to them could not be handed to those before them.
   */
  runs(): readonly Run<Grant>[] {
    const runs: { cost: number; requests: SharedRequest<Grant>[] }[] = [];
    let hasWaiters = this.#runsOfWaiters > 0;
    let costOfWaiters = this.#costInFlight;
    let request = this.#next;
    for (; request !== undefined; request = request.after) {
      if (request.isAsked) continue;
      const { cost, waits } = request;
      if (hasWaiters && cost !== costOfWaiters) break;
      if (waits) [hasWaiters, costOfWaiters] = [true, cost];
      request.isAsked = true;
      const last = runs.at(-1);
      if (last?.cost === cost) last.requests.push(request);
      else runs.push({ cost, requests: [request] });
    }
    this.#next = request;
    for (const { cost, requests } of runs) {
      if (!requests.some(({ waits }) => waits)) continue;
      this.#runsOfWaiters++;
      this.#costInFlight = cost;
    }
    return runs;
  }

  /** The store has answered a run, or has not. */
  end({ requests }: Run<Grant>): void {
    if (requests.some(({ waits }) => waits)) this.#runsOfWaiters--;
  }

  /** Takes out the first so many requests of this cost, whichever run they were asked for in. */
  takeFirst(count: number, cost: number): readonly SharedRequest<Grant>[] {
    const taken: SharedRequest<Grant>[] = [];
    for (const request of this) {
      if (taken.length === count) break;
      if (request.cost !== cost) {
        // What was taken ahead may be of another cost than who waits; nobody overtakes him.
        if (request.waits) break;
        continue;
      }
      this.remove(request);
      taken.push(request);
    }
    return taken;
  }

  /** Those who do not wait, and that the store is not being asked for: behind waiters who were refused, they are too. */
  behind(): readonly SharedRequest<Grant>[] {
    if (this.#requests.size === this.#waiters) return [];
    return [...this].filter(({ waits, isAsked }) => !waits && !isAsked);
  }

  /** Those of an answered run that still wait will be asked for again. */
  askAgain({ requests }: Run<Grant>): void {
    for (const request of requests) request.isAsked = false;
    this.#next = this.#requests.head;
  }
}
