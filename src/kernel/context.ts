import { checkSignal } from "./abort.js";
import { ownOptions } from "./options.js";
import { integer, numberFrom } from "./rules.js";

/**
 * What a function run by a policy's `execute` is given. Passed on as the options of an inner `execute`, it carries all
 * of this inwards: `retry.execute((context) => breaker.execute(work, context))`.
 */
export interface ExecutionContext {
  /** Aborted when the caller's signal is; always there, so that it can be passed on. */
  readonly signal: AbortSignal;
  /** Which attempt this is, counted by the nearest retry or hedge outside; 1 without one. */
  readonly attempt: number;
  /** Seconds left of the nearest deadline outside; `Infinity` without one. */
  readonly remaining: number;
}

/** How the caller can influence one execution: an {@link ExecutionContext} from outside, or parts of one. */
export interface ExecuteOptions {
  /** Gives the execution up: the promise rejects at once with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Passed on to the function. A whole number of at least 1; default 1. */
  readonly attempt?: number | undefined;
  /** Seconds that the execution has, passed on to the function. At least 0; default `Infinity`. */
  readonly remaining?: number | undefined;
}

// A signal costs microseconds: made for those who ask. Own and enumerable, so that a copy made by spreading has it.
const LAZY_SIGNAL: PropertyDescriptor = {
  enumerable: true,
  configurable: true,
  get() {
    const { signal } = new AbortController();
    Object.defineProperty(this, "signal", { value: signal, enumerable: true });
    return signal;
  },
};

/** The context that policies make and hand on. */
export class Context implements ExecutionContext {
  declare readonly signal: AbortSignal;
  readonly attempt: number;
  readonly remaining: number;
  /** What can give the execution up; a signal that is made because somebody asks never aborts. */
  readonly #source: AbortSignal | undefined;

  constructor(source: AbortSignal | undefined, attempt: number = 1, remaining: number = Infinity) {
    this.attempt = attempt;
    this.remaining = remaining;
    this.#source = source;
    Object.defineProperty(
      this,
      "signal",
      source === undefined ? LAZY_SIGNAL : { value: source, enumerable: true },
    );
  }

  static is(value: unknown): value is Context {
    return typeof value === "object" && value !== null && #source in value;
  }

  get source(): AbortSignal | undefined {
    return this.#source;
  }
}

/** The keys of {@link ExecuteOptions}. */
export const CONTEXT_KEYS: Readonly<Record<keyof ExecuteOptions, true>> = {
  signal: true,
  attempt: true,
  remaining: true,
};

const attemptRule = integer(1, 1);
const remainingRule = numberFrom(Infinity, 0, Infinity);

/** The context that options ask for: the very same, when they are one. */
export function readContext(method: string, options: ExecuteOptions | undefined): Context {
  if (options === undefined) return new Context(undefined);
  if (Context.is(options)) return options;
  return contextOf(ownOptions(method, CONTEXT_KEYS, options));
}

/** The context that options ask for whose keys were checked. */
export function contextOf({ signal, attempt = 1, remaining = Infinity }: ExecuteOptions): Context {
  if (signal !== undefined) checkSignal(signal, "signal");
  return new Context(
    signal,
    attemptRule.parse(attempt, "attempt"),
    remainingRule.parse(remaining, "remaining"),
  );
}
