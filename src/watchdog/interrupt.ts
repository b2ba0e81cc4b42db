import { mainGlobal } from "./main-global.js";
import { ARMED, DELIVERED, GUARD, OFF, STRUCK } from "./watch-cells.js";

/** How long code that is over waits for an interruption that is on its way. */
const ON_ITS_WAY = 1000;

const SLOT = "@kstlib/resilience/guarded";

/** The guards that this thread is in, outermost first. */
const guards: Int32Array[] = [];

function struck(): Int32Array | undefined {
  return guards.find((counters) => Atomics.load(counters, GUARD) === STRUCK);
}

/** Whether an interruption of this thread is on its way. */
export function isInterrupting(): boolean {
  return struck() !== undefined;
}

/**
 * Runs synchronous code into which the monitor can throw by sending SIGINT: Node ends a script run with
 * `breakOnSigint` at whatever it is doing, without running its `catch` and `finally` blocks. What it throws
 * then is up to `interrupted`.
 *
 * The monitor sends the signal only after it has taken the guard from ARMED to STRUCK, and code that is over
 * and finds its guard STRUCK waits for the signal, so that none arrives after the guard is gone. A SIGINT that
 * nobody here asked for is a Ctrl-C: it is sent again, to whoever handles it.
 */
export function runInterruptible<Result>(
  counters: Int32Array,
  body: () => Result,
  interrupted: () => never,
): Result {
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
    if (Atomics.compareExchange(counters, GUARD, ARMED, OFF) === STRUCK) {
      Atomics.wait(counters, GUARD, STRUCK, ON_ITS_WAY);
    }
  });
  guards.push(counters);
  Atomics.store(counters, GUARD, ARMED);
  try {
    const { runInThisContext } = process.getBuiltinModule("node:vm");
    runInThisContext(`globalThis[Symbol.for("${SLOT}")]()`, { breakOnSigint: true });
  } catch (error) {
    failure = error;
  }
  Reflect.set(global, slot, outer);
  guards.pop();
  if (Atomics.exchange(counters, GUARD, OFF) >= STRUCK) return interrupted();
  if (failure instanceof Error && Reflect.get(failure, "code") === "ERR_SCRIPT_EXECUTION_INTERRUPTED") {
    // Not for this guard: for one further out, or a real Ctrl-C.
    const meant = struck();
    if (meant === undefined) process.kill(process.pid, "SIGINT");
    else Atomics.store(meant, GUARD, DELIVERED);
  }
  if (outcome === undefined) throw failure;
  return outcome();
}
