import { EXITING, type FreezeHook, PULSE, REQUEST } from "./monitor-protocol.js";
import { isInterrupting } from "./interrupt.js";
import type { WatchCells } from "./watch-cells.js";

const FRAMES = 50;

let serial = 0;

/** The global object that an evaluation from outside sees; inside a vm context `globalThis` is another one. */
function mainGlobal(): object {
  const { Script } = process.getBuiltinModule("node:vm");
  const found: unknown = new Script("globalThis").runInThisContext();
  return typeof found === "object" && found !== null ? found : globalThis;
}

/** The stack of the caller's caller: what the thread was doing when the evaluation broke in. */
function stackAbove(callee: (...args: never[]) => unknown): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const holder: { stack?: unknown } = {};
  Error.captureStackTrace(holder, callee);
  Error.stackTraceLimit = limit;
  const [, evaluation = "", ...frames] = String(holder.stack).split("\n");
  // The first frame is the evaluation itself.
  return (/^\s+at <anonymous>:1:/.test(evaluation) ? frames : [evaluation, ...frames]).join("\n");
}

/** Puts what the monitor may call on a frozen thread where an evaluation finds it. */
export class FreezeHookRegistration implements Disposable {
  /** The registered symbol that holds the hook; another copy of the library has another one. */
  readonly key: string;
  readonly #global = mainGlobal();
  #late: { readonly request: number; readonly stack: string } | undefined;

  constructor(control: Int32Array, cellsOf: (id: number) => WatchCells | undefined) {
    this.key = `@kstlib/resilience/watchdog/${++serial}/${Math.random()}`;
    const stack = (request: number): string | undefined => {
      // Too late: what the thread does now is to leave the frozen code.
      if (isInterrupting()) return undefined;
      const found = stackAbove(stack);
      this.#late = { request, stack: found };
      return found;
    };
    const exit: FreezeHook["exit"] = (request, id, pulse, code) => {
      const withdrawn =
        Atomics.load(control, REQUEST) !== request ||
        Atomics.load(control, PULSE) !== pulse ||
        cellsOf(id)?.isTriggered !== true;
      Atomics.store(control, EXITING, withdrawn ? -request : request);
      // The one place where the library ends the process: asked for by `onFreeze: "exit"`, on its behalf.
      if (!withdrawn) process.exit(code);
    };
    const hook: FreezeHook = { stack, exit };
    Object.defineProperty(this.#global, Symbol.for(this.key), { value: hook, configurable: true });
  }

  /** The stack that was taken for a request, also when it came too late for the monitor. */
  lateStack(request: number): string | undefined {
    return this.#late?.request === request ? this.#late.stack : undefined;
  }

  [Symbol.dispose](): void {
    Reflect.deleteProperty(this.#global, Symbol.for(this.key));
  }
}
