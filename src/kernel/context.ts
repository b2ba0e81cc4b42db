import { type Abortable, checkSignal, isScope } from "./abort.js";
import type { Clock } from "./clock.js";
import { ownOptions } from "./options.js";
import { integer, numberFrom, text } from "./rules.js";
import { secondsUntil } from "./seconds.js";

/**
 * What a function run by a policy's `execute` gets. Passed on as the options of an inner `execute`, it carries all
 * of this inwards: `retry.execute((context) => breaker.execute(work, context))`.
 */
export interface ExecutionContext {
  /** Aborted when the caller's signal is, or when an outer policy ends the execution; always there, so that it can be passed on. */
  readonly signal: AbortSignal;
  /** Which attempt this is, counted by the nearest outer retry or hedge; 1 without one. */
  readonly attempt: number;
  /** Seconds left of the nearest deadline outside; `Infinity` without one. */
  readonly remaining: number;
}

/** How the caller can influence one execution: an {@link ExecutionContext} from outside, or parts of one. */
export interface ExecuteOptions {
  /** Aborts the execution: the promise rejects at once with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Passed on to the function. A whole number of at least 1; default 1. */
  readonly attempt?: number | undefined;
  /** Seconds that the execution has, passed on to the function. At least 0; default `Infinity`. */
  readonly remaining?: number | undefined;
  /** Tells calls apart where a policy keeps something for each, as arguments do in `call`. Default: all are alike. */
  readonly key?: string | undefined;
}

/** The time by which an execution must end, in milliseconds of a clock. */
export interface Deadline {
  readonly clock: Pick<Clock, "now">;
  readonly due: number;
  /** Whether whatever has set it ends the execution at that time. */
  readonly isKept?: boolean;
}

const NONE: readonly unknown[] = [];

/** Where a copy has the context that it is of: a symbol, because spreading copies it. */
const ORIGINAL: unique symbol = Symbol("context");

/** A context, a copy of one, or an object derived from one. */
interface Copied {
  [ORIGINAL]?: Context;
}

function signalOf(source: Abortable): AbortSignal {
  return isScope(source) ? source.signal : source;
}

function secondsOf(deadline: number | Deadline): number {
  return typeof deadline === "number" ? deadline : secondsUntil(deadline.due, deadline.clock.now());
}

/** The context that policies create and pass on. */
export class Context implements ExecutionContext {
  readonly attempt: number;
  readonly #source: Abortable | undefined;
  readonly #deadline: number | Deadline;
  readonly #budget: object | undefined;
  readonly #args: readonly unknown[];
  /** Without a source: a signal that is never aborted, created on first use. */
  #idle: AbortSignal | undefined = undefined;

  /**
   * @param source what can abort the execution.
   * @param deadline a deadline of a clock, or the seconds that remain.
   * @param budget the retry budget that already counted the call; see {@link budget}.
   * @param args see {@link args}.
   */
  constructor(
    source: Abortable | undefined,
    attempt: number = 1,
    deadline: number | Deadline = Infinity,
    budget?: object,
    args: readonly unknown[] = NONE,
  ) {
    this.attempt = attempt;
    (this as Copied)[ORIGINAL] = this;
    this.#source = source;
    this.#deadline = deadline;
    this.#budget = budget;
    this.#args = args;
  }

  /** Whether it is a context itself: no copy of one, nor an object derived from one. */
  static is(value: unknown): value is Context {
    return Object.getPrototypeOf(Object(value)) === Context.prototype;
  }

  get source(): Abortable | undefined {
    return this.#source;
  }

  get deadline(): number | Deadline {
    return this.#deadline;
  }

  /** The retry budget that already counted this call in an outer policy, so that it is not counted twice. */
  get budget(): object | undefined {
    return this.#budget;
  }

  /** The arguments of a called or wrapped function, for policies with a key; the key of an executed one. */
  get args(): readonly unknown[] {
    return this.#args;
  }

  /** The context of an execution: a deadline given as a number of seconds starts to run now. */
  lasting(clock: Pick<Clock, "now">): Context {
    const { deadline } = this;
    if (typeof deadline !== "number" || deadline === Infinity) return this;
    return this.ofAttempt(this.attempt, { clock, due: clock.now() + deadline * 1000 }, this.budget);
  }

  /** The context of an attempt inside this one. */
  ofAttempt(attempt: number, deadline: number | Deadline, budget: object | undefined): Context {
    return new Context(this.source, attempt, deadline, budget, this.args);
  }

  /** A context that an inner policy can abort, too. */
  within(source: Abortable, deadline: number | Deadline): Context {
    return new Context(source, this.attempt, deadline, this.budget, this.args);
  }

  static #original(context: object): Context {
    return (context as Copied)[ORIGINAL] as Context;
  }

  get signal(): AbortSignal {
    const original = Context.#original(this);
    const source = original.#source;
    if (source !== undefined) return signalOf(source);
    // The caller may keep it and add listeners, so the next call gets a new one.
    if (original === blank) blank = undefined;
    return (original.#idle ??= new AbortController().signal);
  }

  get remaining(): number {
    return secondsOf(Context.#original(this).#deadline);
  }
}

/** Without a `set`, which would make V8 take 100 ns longer to read it, even if it is `undefined`. */
function ownGetter(key: "signal" | "remaining"): PropertyDescriptor {
  const found = Object.getOwnPropertyDescriptor(Context.prototype, key) ?? {};
  return { get: Reflect.get(found, "get") as () => unknown, enumerable: true, configurable: true };
}
const SIGNAL = ownGetter("signal");
const REMAINING = ownGetter("remaining");

/** A context as the application sees it: with own properties, so that spreading copies them. */
export function exposed(context: Context): Context {
  if (Object.hasOwn(context, "signal")) return context;
  Object.defineProperty(context, "signal", SIGNAL);
  return Object.defineProperty(context, "remaining", REMAINING);
}

/**
 * The context as `fn` gets it. Creating its properties costs more than most policies, so a function that declares
 * no parameter gets a context without them.
 */
export function contextFor(fn: (context: ExecutionContext) => unknown, context: Context): Context {
  // Looked at first, because reading the length of a function takes longer than all of this.
  return context === blank || fn.length === 0 ? context : exposed(context);
}

/** The context of calls without options: one for all, until its signal is read. */
let blank: Context | undefined;

/** The keys of {@link ExecuteOptions}. */
export const CONTEXT_KEYS: Readonly<Record<keyof ExecuteOptions, true>> = {
  signal: true,
  attempt: true,
  remaining: true,
  key: true,
};

const attemptRule = integer(1, 1);
const remainingRule = numberFrom(Infinity, 0, Infinity);
const keyRule = text("");

/** The context of a call with these arguments. */
export function contextOfCall(args: readonly unknown[]): Context {
  return args.length === 0 ? blankContext() : new Context(undefined, 1, Infinity, undefined, args);
}

function blankContext(): Context {
  return (blank ??= Object.freeze(exposed(new Context(undefined))) as Context);
}

/** The context that the options describe; if they are a context, that one. */
export function readContext(method: string, options: ExecuteOptions | undefined): Context {
  if (options === undefined) return blankContext();
  if (Context.is(options)) return options;
  return contextOf(ownOptions(method, CONTEXT_KEYS, options));
}

/** The context that checked options describe. */
export function contextOf(options: ExecuteOptions & Copied): Context {
  const { signal, attempt = 1, remaining, key, [ORIGINAL]: original } = options;
  if (signal !== undefined) checkSignal(signal, "signal");
  const { source, deadline = Infinity, budget, args = NONE } = original ?? {};
  // The original's internals are cheaper than its signal, and its deadline keeps running.
  const isCopy = signal === undefined || (source !== undefined && signal === signalOf(source));
  const left = remaining === undefined ? deadline : remainingRule.parse(remaining, "remaining");
  return new Context(
    isCopy ? source : signal,
    attemptRule.parse(attempt, "attempt"),
    typeof left === "number" && secondsOf(deadline) <= left ? deadline : left,
    budget,
    key === undefined ? args : [keyRule.parse(key, "key")],
  );
}
