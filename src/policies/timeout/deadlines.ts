import type { InnerScope } from "../../kernel/abort.js";
import { asyncContext, runIn } from "../../kernel/async-context.js";
import type { Work } from "../../kernel/base-policy.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import type { Context, Deadline } from "../../kernel/context.js";
import { BLOCKED } from "../../kernel/fair-timer.js";
import { Scope } from "../../kernel/scope.js";
import { AS_IS, type Continuation, type Inside } from "../../kernel/stage.js";

/**
 * A call under way, in the list of {@link Deadlines}; also the deadline of what is inside, and what ends it. It has a scope
 * and is none: an instance of a derived class takes V8 longer to make than all the rest of a call.
 */
export class TimedCall implements Deadline, Continuation, InnerScope {
  readonly due: number;
  /** The time it has, in milliseconds. */
  readonly length: number;
  before: TimedCall | undefined = undefined;
  after: TimedCall | undefined = undefined;
  /** Its time is not over, and it has not settled. */
  isOpen = true;
  /** Stops listening to what is outside. */
  leave: (() => void) | undefined = undefined;
  readonly #deadlines: Deadlines;
  readonly #next: Continuation;
  /** The caller's. */
  readonly #promise: Promise<unknown>;
  #resolve: ((value: unknown) => void) | undefined;
  #reject: ((reason: unknown) => void) | undefined;
  #isConcluded = false;
  /** Of who has made the call: what follows may run its function again. */
  readonly #caller: ReturnType<typeof asyncContext>;
  /** Made when it is needed. */
  #scope: Scope | undefined = undefined;

  constructor(deadlines: Deadlines, length: number, grace: number, next: Continuation) {
    this.due = deadlines.clock.now() + length + grace;
    this.length = length;
    this.#deadlines = deadlines;
    this.#next = next;
    this.#caller = next === AS_IS ? undefined : asyncContext();
    this.#promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get clock(): Pick<Clock, "now"> {
    return this.#deadlines.clock;
  }

  get isKept(): boolean {
    return true;
  }

  get aborted(): boolean {
    return this.#scope?.aborted === true;
  }

  get reason(): unknown {
    return this.#scope?.reason;
  }

  get signal(): AbortSignal {
    return (this.#scope ??= new Scope()).signal;
  }

  onAbort(run: () => void): () => void {
    return (this.#scope ??= new Scope()).onAbort(run);
  }

  abort(reason: unknown): void {
    (this.#scope ??= new Scope()).abort(reason);
  }

  /** Joins the list, and runs what is inside. */
  begin(inside: Inside, fn: Work<unknown>, context: Context): Promise<unknown> {
    try {
      this.#deadlines.add(this);
      inside.start(fn, context, this);
    } catch (error) {
      this.#reject?.(error);
    }
    return this.#promise;
  }

  fulfilled(value: unknown): void {
    this.#settled();
    if (this.#isConcluded) return;
    this.#isConcluded = true;
    this.#resolve?.(this.#next.fulfilled(value));
  }

  rejected(reason: unknown): void {
    this.#settled();
    // Of a cooperative call whose time was over.
    this.#conclude(this.aborted ? this.reason : reason);
  }

  /** The work has settled, in time or not. */
  #settled(): void {
    this.leave?.();
    if (this.isOpen) this.#deadlines.remove(this);
  }

  /** Goes on with a rejection from outside, unless it has gone on already: not in the context of the timer. */
  end(reason: unknown): void {
    runIn(this.#caller, () => this.#conclude(reason));
  }

  #conclude(reason: unknown): void {
    if (this.#isConcluded) return;
    this.#isConcluded = true;
    try {
      this.#resolve?.(this.#next.rejected(reason));
    } catch (error) {
      this.#reject?.(error);
    }
  }
}

/** The calls under way in the order of their deadlines, with one timer for all. */
export class Deadlines {
  readonly clock: Pick<Clock, "now" | "setTimer">;
  readonly #expired: (call: TimedCall, late: number) => void;
  #head: TimedCall | undefined;
  #tail: TimedCall | undefined;
  #timer: Timer | undefined;
  /** When the timer fires. */
  #wake = Infinity;
  size = 0;

  /** @param expired called for each call whose time is over, with how many milliseconds late the timer was. */
  constructor(clock: Pick<Clock, "now" | "setTimer">, expired: (call: TimedCall, late: number) => void) {
    this.clock = clock;
    this.#expired = expired;
  }

  add(call: TimedCall): void {
    let before = this.#tail;
    let after: TimedCall | undefined;
    // With the same timeout for all calls, a new one comes last.
    for (; before !== undefined && before.due > call.due; before = before.before) after = before;
    call.before = before;
    call.after = after;
    if (before === undefined) this.#head = call;
    else before.after = call;
    if (after === undefined) this.#tail = call;
    else after.before = call;
    if (++this.size === 1) this.#timer?.keepAlive?.(true);
    if (call.due < this.#wake) this.#arm(call.due);
  }

  remove(call: TimedCall): void {
    call.isOpen = false;
    const { before, after } = call;
    if (before === undefined) this.#head = after;
    else before.after = after;
    if (after === undefined) this.#tail = before;
    else after.before = before;
    // Work that never settles keeps its call, which must not keep those that come later.
    call.before = call.after = undefined;
    if (--this.size === 0) this.#rest();
  }

  /** Keeps the timer for the next call: setting one costs more than everything else. */
  #rest(): void {
    if (this.#timer?.keepAlive !== undefined) {
      this.#timer.keepAlive(false);
      return;
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wake = Infinity;
  }

  #arm(due: number): void {
    this.#timer?.cancel();
    this.#wake = due;
    this.#timer = this.clock.setTimer(() => this.#fired(), Math.max(0, due - this.clock.now()));
  }

  #fired(): void {
    this.#timer = undefined;
    this.#wake = Infinity;
    const head = this.#head;
    if (head === undefined) return;
    const now = this.clock.now();
    if (head.due > now) this.#arm(head.due);
    else if (now - head.due < BLOCKED) this.#expire(now);
    else {
      // Answers may have arrived while this thread was blocked: the event loop reads them before the next timer fires.
      this.#wake = -Infinity;
      this.#timer = this.clock.setTimer(() => this.#expire(now), 0);
    }
  }

  /** Ends the calls whose time was over at `now`. */
  #expire(now: number): void {
    this.#timer = undefined;
    this.#wake = Infinity;
    for (let call = this.#head; call !== undefined && call.due <= now; call = this.#head) {
      this.remove(call);
      this.#expired(call, now - call.due);
    }
    if (this.#head !== undefined && this.#timer === undefined) this.#arm(this.#head.due);
  }
}
