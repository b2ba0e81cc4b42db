import type { RunningScriptOptions } from "node:vm";
import { hasCode } from "../kernel/system-error.js";
import { warn } from "../kernel/warning.js";
import { sleepSync } from "../process/thread-clock.js";
import { WatchdogError } from "./errors.js";
import { mainGlobal, threadList } from "./main-global.js";
import { ARMED, GUARD, OFF, INTERRUPTING } from "./watch-cells.js";

/** How long code that has ended waits for an interruption that is on its way, in milliseconds. */
const ON_ITS_WAY = 1000;

const SLOT = "@kstlib/resilience/guarded";
const CALL = `globalThis[Symbol.for("${SLOT}")]()`;

/** The active guards of this thread, outermost first: an interruption always ends the innermost. */
const guards = threadList<Int32Array>("guards/1");

const locks = threadList<Int32Array>("lock/1");

/**
 * A cell that is 1 while a monitor evaluates something on this thread or a SIGINT is on its way to a guard. All copies of
 * the package share it. A SIGINT must not meet the evaluation of another copy, which it would end instead of the script;
 * nor must there be two, because the second could arrive when no guard is left, and would end the process.
 */
export function threadLock(): Int32Array {
  const [lock = new Int32Array(new SharedArrayBuffer(4))] = locks();
  locks()[0] = lock;
  return lock;
}

/** Whether an interruption has arrived that was meant for an outer guard or for the application. */
let unclaimed = false;

/** Whether an interruption of this thread is on its way. */
export function isInterrupting(): boolean {
  return guards().some((counters) => Atomics.load(counters, GUARD) === INTERRUPTING);
}

/** How a script ended: the result of its body, unless it was interrupted, and what the engine threw. */
interface Ending<Result> {
  readonly outcome: (() => Result) | undefined;
  readonly failure: unknown;
}

/** Calls `body` in a script, which the engine can end as `options` say; `after` runs in the script, too. */
function callInScript<Result>(
  body: () => Result,
  options: RunningScriptOptions,
  after: () => void = () => {},
): Ending<Result> {
  const global = mainGlobal();
  const slot = Symbol.for(SLOT);
  const outer: unknown = Reflect.get(global, slot);
  let outcome: (() => Result) | undefined;
  let failure: unknown;
  Reflect.set(global, slot, () => {
    try {
      const result = body();
      outcome = () => result;
    } catch (error) {
      outcome = () => {
        throw error;
      };
    }
    after();
  });
  try {
    const { runInThisContext } = process.getBuiltinModule("node:vm");
    runInThisContext(CALL, options);
  } catch (error) {
    failure = error;
  }
  Reflect.set(global, slot, outer);
  return { outcome, failure };
}

/**
 * Runs synchronous code that the monitor can end by sending SIGINT: Node ends a script that is run with
 * `breakOnSigint` wherever it is, without running its `catch` and `finally` blocks. `interrupted` throws the error.
 *
 * The monitor sends the signal only after it has changed the guard from ARMED to INTERRUPTING, and code that has ended
 * and finds its guard INTERRUPTING waits for the signal, so that none arrives without a guard. Node interrupts the
 * innermost run only: {@link passOn} sends a SIGINT again that was meant for an outer run or was a Ctrl-C.
 */
export function runInterruptible<Result>(
  counters: Int32Array,
  body: () => Result,
  interrupted: () => never,
): Result {
  guards().push(counters);
  Atomics.store(counters, GUARD, ARMED);
  const { outcome, failure } = callInScript(body, { breakOnSigint: true }, () => {
    if (Atomics.compareExchange(counters, GUARD, ARMED, OFF) === INTERRUPTING) {
      Atomics.wait(counters, GUARD, INTERRUPTING, ON_ITS_WAY);
    }
  });
  guards().pop();
  const mine = Atomics.exchange(counters, GUARD, OFF) === INTERRUPTING;
  const cut = hasCode(failure, "ERR_SCRIPT_EXECUTION_INTERRUPTED");
  if (mine || cut) Atomics.store(threadLock(), 0, 0);
  unclaimed = cut && (!mine || isInterrupting());
  if (mine) return interrupted();
  if (outcome !== undefined) return outcome();
  if (!cut) throw failure;
  throw new WatchdogError("the code was interrupted by Ctrl-C, or by the timeout of a run around it.", {
    code: "ERR_WATCHDOG_INTERRUPTED",
  });
}

/**
 * Whether a function takes no argument and so cannot ping the watchdog of its run: no parameter, not even `...rest` or
 * one with a default, and no `arguments`. A function whose source is hidden (bound, native) counts as one that can.
 */
export function takesNothing(body: (...args: never) => unknown): boolean {
  const text = Function.prototype.toString.call(body);
  return body.length === 0 && /^[^(]*\(\s*\)/.test(text) && !/\barguments\b|\[native code\]/.test(text);
}

let told = false;

/** Warns once that frozen synchronous code cannot be interrupted. */
export function warnNoInterruption(): void {
  if (told) return;
  told = true;
  warn(
    "KSTLIB_NO_INTERRUPTION",
    "frozen code cannot be interrupted here: runSync throws a timeout at the next ping or when the code returns",
  );
}

/**
 * Runs synchronous code that the engine ends after `limit` milliseconds, without running its `catch` and `finally`
 * blocks. `ended` throws the error.
 */
export function runLimited<Result>(limit: number, body: () => Result, ended: () => never): Result {
  const { outcome, failure } = callInScript(body, { timeout: Math.ceil(limit) });
  if (failure !== undefined && !hasCode(failure, "ERR_SCRIPT_EXECUTION_TIMEOUT")) throw failure;
  return outcome === undefined ? ended() : outcome();
}

/** Sends an interruption again that was not meant for the run that it ended. */
export function passOn(): void {
  if (!unclaimed) return;
  unclaimed = false;
  if (guards().length === 0) {
    process.kill(process.pid, "SIGINT");
    return;
  }
  const lock = threadLock();
  for (let waited = 0; waited < ON_ITS_WAY && Atomics.exchange(lock, 0, 1) === 1; waited++) sleepSync(1);
  process.kill(process.pid, "SIGINT");
  // The code around this one must not go on until it is interrupted.
  sleepSync(ON_ITS_WAY);
}
