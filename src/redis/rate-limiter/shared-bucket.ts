import { onAbort } from "../../kernel/abort.js";
import type { Timer } from "../../kernel/clock.js";
import { secondsUntil } from "../../kernel/seconds.js";
import { Lease } from "./lease.js";
import type { BucketParts, Grant, Request } from "./bucket-parts.js";
import { BLOCKED, lateWaiters, placesTaken, type Turns } from "./late-waiters.js";
import { BELIEVED } from "./refusals.js";
import { type Run, SharedQueue } from "./shared-queue.js";
import type { Answer, Ask } from "./take-batch.js";
import type { TieredCost } from "./tiered-limits.js";

/** Milliseconds after which waiters ask again at the latest: somebody may have refilled, reset or blocked their key. */
const LONGEST_SILENCE = 5000;

/** Milliseconds between two questions of waiters, where the burst can hold what flows in meanwhile. */
const SPACING = 5;

/** The requests of this process for one key of the store: what they take, and what they wait for. */
export class SharedBucket {
  readonly id: string;
  readonly keys: readonly string[];
  readonly #parts: BucketParts;
  readonly #queue = new SharedQueue<Grant>();
  readonly #lease: Lease<Grant> | undefined;
  #isClosed = false;
  #inFlight = 0;
  /** Fires when the first waiter may have its turn. */
  #timer: Timer | undefined;
  #due = -Infinity;

  constructor(id: string, keys: readonly string[], parts: BucketParts) {
    this.id = id;
    this.keys = keys;
    this.#parts = parts;
    const { lease, clock } = parts;
    if (lease === undefined) return;
    const giveBack = (grant: Grant, count: number): void => parts.giveBack(grant, count);
    this.#lease = new Lease(lease, clock, giveBack, () => this.#finish());
  }

  /** How many wait. */
  get waiters(): number {
    return this.#queue.waiters;
  }

  /** Decides a request, or lets it wait for the store. */
  enter(request: Request): void {
    const { clock, refusals, holds, limits, maxQueue = Infinity, batch } = this.#parts;
    const { cost, waits, deadline, isDebt = false } = request;
    const now = clock.now();
    const queue = this.#queue;
    if (queue.waiters === 0 && holds.until(this.keys) <= now) {
      const leased = this.#lease?.take(cost, now);
      if (leased !== undefined) {
        if (this.#wantsMore(now)) batch.add(this);
        request.granted(cost === 1 ? leased : { ...leased, cost: limits.cost(cost) });
        return;
      }
    }
    // The time before which it cannot have its turn, as far as is known.
    const known = queue.isBlocked
      ? this.turnOf(cost, now)
      : Math.max(holds.believed(this.keys, now), refusals.due(this.id, cost, limits.slowest, now));
    if (known > now && !isDebt) {
      const isFull = queue.waiters >= maxQueue ? placesTaken(queue.waiters) : undefined;
      const why = this.#isBlocked(now) ? BLOCKED : isFull;
      if (why !== undefined || !waits || known > deadline) {
        request.refused(secondsUntil(known, now), why);
        this.#finish();
        return;
      }
    }
    const isFirst = queue.isEmpty;
    queue.push(request);
    const { signal } = request;
    if (signal) request.unlisten = onAbort(signal, () => this.#abort(request));
    if (queue.isBlocked) return;
    if (known > now && isFirst) this.#askAt(known, now, BELIEVED);
    else batch.add(this);
  }

  /** When a request that comes now might have its turn, behind those who wait: never later than the truth. */
  turnOf(cost: number, now: number): number {
    const queue = this.#queue;
    const { limits, refusals } = this.#parts;
    const first = queue.firstWaiter;
    if (first === undefined) return Math.max(now, refusals.due(this.id, cost, limits.slowest, now));
    return Math.max(now, this.#due + Math.max(0, queue.waitingCost + cost - first.cost) * limits.fastest);
  }

  /** What to ask the store for at the end of this tick. */
  asks(): readonly Ask[] {
    if (this.#timer !== undefined || this.#isClosed) return [];
    const asks = this.#queue.runs().map((run) => this.#ask(run));
    const isForMore = asks.length === 0 && this.#wantsMore(this.#parts.clock.now());
    return isForMore ? [this.#ask({ cost: 1, requests: [] })] : asks;
  }

  /** Goes on under changed limits or settings. */
  change(refusal: (request: Request) => unknown): void {
    for (const request of this.#queue) {
      if (request.cost <= this.#parts.limits.burst) continue;
      this.#queue.remove(request);
      request.failed(refusal(request));
    }
    this.askNow();
    this.#finish();
  }

  /** Asks for those who wait, as there may be more than the store has told. */
  askNow(): void {
    if (this.#timer !== undefined) this.#wake();
  }

  /** Nobody has a turn before this time, and if it is a block, nobody waits for it. */
  hold(until: number, isBlock: boolean): void {
    const now = this.#parts.clock.now();
    if (isBlock) this.#refuse({ due: until, isBlocked: true }, now);
    if (this.#timer === undefined) return;
    if (until > this.#due) {
      this.#due = until;
      this.#refuse({ due: until }, now);
    }
    this.#timer.cancel();
    this.#timer = undefined;
    if (this.#queue.waiters > 0) this.#askAt(this.#due, now);
    else this.#finish();
  }

  /** The bucket was filled: nothing is owed, and nothing was taken ahead. */
  reset(): void {
    this.#lease?.clear();
    for (const request of this.#queue) if (request.isDebt) this.#queue.remove(request);
    this.askNow();
    this.#finish();
  }

  /** Fails all requests; what was taken ahead goes back. */
  close(reason: unknown): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const request of this.#queue) {
      this.#queue.remove(request);
      request.failed(reason);
    }
    this.#lease?.end();
  }

  #ask(run: Run<Grant>): Ask {
    const { limits } = this.#parts;
    const cost = limits.cost(run.cost);
    const lease = run.cost === 1 && this.#lease?.isLow && !this.#queue.isBlocked ? this.#lease : undefined;
    if (lease !== undefined) lease.isFetching = true;
    this.#inFlight++;
    let admitted = 0;
    const ended = (): void => {
      this.#inFlight--;
      if (lease !== undefined) lease.isFetching = false;
      this.#queue.end(run);
    };
    return {
      keys: this.keys,
      cost,
      count: run.requests.length + (lease?.size ?? 0),
      answered: (answer) => {
        ended();
        this.#answered(run, cost, answer);
      },
      failed: (error) => {
        ended();
        // What this process knows of a pause or a block counts in place of the answer.
        const { holds, keepsHolds, clock } = this.#parts;
        const held = keepsHolds ? holds.answer(this.keys, clock.now()) : undefined;
        if (held === undefined) admitted = this.#failed(run, error);
        else this.#answered(run, cost, held);
      },
      // Those who were admitted without it keep it.
      late: ({ granted, marks }) =>
        this.#parts.giveBack({ id: this.id, keys: this.keys, cost, marks }, granted - admitted),
    };
  }

  #answered(run: Run<Grant>, cost: TieredCost, answer: Answer): void {
    const { granted, wait, sent, marks, isBlocked } = answer;
    const queue = this.#queue;
    const { refusals, holds, clock, maxQueue = Infinity } = this.#parts;
    const now = clock.now();
    const grant: Grant = { id: this.id, keys: this.keys, cost, marks };
    refusals.remember(this.id, run.cost, sent, wait, isBlocked);
    if (granted > 0 && holds.admitted(this.keys, sent, now)) this.#parts.resumed(this.id);
    // Grants are alike: those who came first get them, whoever they were asked for.
    const served = queue.takeFirst(granted, run.cost);
    this.#keep(grant, granted - served.length, sent);
    const due = sent + wait;
    if (this.#isBlocked(now)) this.#refuse({ due, isBlocked: true }, now);
    const left = run.requests.filter(({ isOver }) => !isOver);
    // With a timer others wait, whom this run was not about.
    queue.isBlocked = this.#timer !== undefined || left.some(({ waits }) => waits);
    queue.askAgain(run);
    const refused = queue.isBlocked ? queue.behind() : left.filter(({ waits }) => !waits);
    for (const request of refused) queue.remove(request);
    if (queue.isBlocked && this.#timer === undefined) {
      this.#due = Math.max(due, holds.believed(this.keys, now));
      const isPaused = wait > this.#parts.limits.longestWait;
      this.#refuse({ due: this.#due, places: maxQueue, isPaused }, now);
    }
    this.#goOn(now);
    // At last: what they call may ask for more.
    for (const request of served) request.granted(grant);
    for (const request of refused) request.refused(secondsUntil(due, now));
    this.#finish();
  }

  /** Whether requests may not even wait, as far as this process knows. */
  #isBlocked(now: number): boolean {
    const { holds, refusals } = this.#parts;
    return holds.areBlocked(this.keys, now) || refusals.isBlocked(this.id, now);
  }

  /** Returns how many were admitted. */
  #failed(run: Run<Grant>, error: unknown): number {
    const undecided = run.requests.filter(({ isOver }) => !isOver);
    for (const request of undecided) this.#queue.remove(request);
    this.#queue.isBlocked = this.#timer !== undefined;
    this.#goOn(this.#parts.clock.now());
    const admitted = undecided.filter((request) => this.#parts.decideAlone(this.id, request, error));
    this.#finish();
    return admitted.length;
  }

  /** Refuses waiters who cannot have their turn in time, or may not wait. */
  #refuse(turns: Omit<Turns, "fastest">, now: number): void {
    const { fastest } = this.#parts.limits;
    for (const [request, turn, why] of lateWaiters(this.#queue, { ...turns, fastest })) {
      this.#queue.remove(request);
      request.refused(secondsUntil(turn, now), why);
    }
  }

  #goOn(now: number): void {
    const queue = this.#queue;
    if (queue.isEmpty || this.#timer !== undefined) return;
    if (!queue.isBlocked) {
      if (queue.hasUnasked) this.#parts.batch.add(this);
    } else if (!queue.isAsked) {
      const { burst, fastest } = this.#parts.limits;
      // Rather a few tokens at a time than a question for each.
      const spacing = Math.min(
        SPACING,
        (queue.waitingCost - (queue.firstWaiter?.cost ?? 0)) * fastest,
        (burst * fastest) / 2,
      );
      this.#askAt(Math.max(this.#due, now + spacing), now);
    }
  }

  #askAt(due: number, now: number, latest: number = LONGEST_SILENCE): void {
    this.#queue.isBlocked = true;
    this.#due = due;
    this.#timer = this.#parts.clock.setTimer(this.#wake, Math.min(latest, Math.max(0, due - now)));
  }

  readonly #wake = (): void => {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#parts.batch.add(this);
  };

  #abort(request: Request): void {
    if (request.isOver) return;
    this.#queue.remove(request);
    request.failed(request.signal?.reason);
    this.#finish();
  }

  /** Keeps what was taken ahead; without a lease it is of requests that are gone. */
  #keep(grant: Grant, count: number, sent: number): void {
    if (count <= 0) return;
    if (this.#lease === undefined || this.#isClosed || grant.cost.tokens !== 1)
      this.#parts.giveBack(grant, count);
    else this.#lease.add(grant, count, sent);
  }

  /** Whether to ask for more tokens ahead, before those at hand are used up. */
  #wantsMore(now: number): boolean {
    if (!this.#lease?.isLow || this.#queue.isBlocked) return false;
    const { refusals, limits } = this.#parts;
    return refusals.due(this.id, 1, limits.slowest, now) <= now;
  }

  #finish(): void {
    if (!this.#queue.isEmpty) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#inFlight === 0 && this.#lease?.isEmpty !== false) this.#parts.idle(this.id, this);
  }
}
