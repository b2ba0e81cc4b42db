import { ARMED, DELIVERED, GUARD, OFF, STRUCK } from "./watch-cells.js";

/** How long code that is over waits for an interruption that is on its way. */
const ON_ITS_WAY = 1000;

const SLOT = Symbol.for("@kstlib/resilience/guarded");

/** The guards that this thread is in, outermost first. */
const guards: Uint32Array[] = [];

/** Whether an interruption of this thread is on its way. */
export function isInterrupting(): boolean {
  return guards.some((counters) => Atomics.load(counters, GUARD) === STRUCK);
}

/** What came of a body: `interrupted` when the monitor threw into it. */
export type Outcome<Result> =
  | { readonly end: "returned"; readonly result: Result }
  | { readonly end: "threw"; readonly error: unknown }
  | { readonly end: "interrupted" };

interface Runner {
  readonly global: object;
  readonly run: () => void;
}

let runner: Runner | undefined;

function makeRunner(): Runner {
  const { Script } = process.getBuiltinModule("node:vm");
  const global: unknown = new Script("globalThis").runInThisContext();
  const script = new Script(`globalThis[Symbol.for(${JSON.stringify(Symbol.keyFor(SLOT))})]()`);
  return {
    global: typeof global === "object" && global !== null ? global : globalThis,
    run: () => script.runInThisContext({ breakOnSigint: true }),
  };
}

function isInterruption(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "code") === "ERR_SCRIPT_EXECUTION_INTERRUPTED";
}

/**
 * Runs synchronous code into which the monitor can throw by sending SIGINT: Node ends a script run with
 * `breakOnSigint` at whatever it is doing, without running its `catch` and `finally` blocks.
 *
 * The monitor sends the signal only after it has taken the guard from ARMED to STRUCK, and code that is over
 * and finds its guard STRUCK waits for the signal, so that none arrives after the guard is gone. A SIGINT that
 * nobody here asked for is a Ctrl-C: it is sent again, to whoever handles it.
 */
export function runInterruptible<Result>(counters: Uint32Array, body: () => Result): Outcome<Result> {
  runner ??= makeRunner();
  const { global, run } = runner;
  const state: { outcome: Outcome<Result> | undefined } = { outcome: undefined };
  const guarded = (): void => {
    try {
      state.outcome = { end: "returned", result: body() };
    } catch (error) {
      state.outcome = { end: "threw", error };
    }
    if (Atomics.compareExchange(counters, GUARD, ARMED, OFF) === STRUCK) {
      Atomics.wait(new Int32Array(counters.buffer, counters.byteOffset), GUARD, STRUCK, ON_ITS_WAY);
    }
  };
  const outer: unknown = Reflect.get(global, SLOT);
  Reflect.set(global, SLOT, guarded);
  guards.push(counters);
  Atomics.store(counters, GUARD, ARMED);
  let interruption: unknown;
  let last = OFF;
  try {
    run();
  } catch (error) {
    if (!isInterruption(error)) throw error;
    interruption = error;
  } finally {
    Reflect.set(global, SLOT, outer);
    guards.pop();
    last = Atomics.exchange(counters, GUARD, OFF);
  }
  if (last === STRUCK || last === DELIVERED) return { end: "interrupted" };
  if (interruption !== undefined) passOn();
  return state.outcome ?? { end: "threw", error: interruption };
}

/** An interruption that was not for the innermost guard: for one further out, or a real Ctrl-C. */
function passOn(): void {
  const meant = guards.find((counters) => Atomics.load(counters, GUARD) === STRUCK);
  if (meant === undefined) process.kill(process.pid, "SIGINT");
  else Atomics.store(meant, GUARD, DELIVERED);
}
