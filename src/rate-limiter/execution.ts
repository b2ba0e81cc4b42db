import type { Clock } from "../kernel/clock.js";
import { CONTEXT_KEYS, Context, contextOf, type ExecuteOptions } from "../kernel/context.js";
import { ownOptions } from "../kernel/options.js";
import { type AcquireOptions, ASYNC_KEYS, checkCost, parseTimeout, type Request } from "./request.js";

/** Options of a limited execution: those of a request that waits, and those of an outer context. */
export interface LimitedExecuteOptions extends AcquireOptions, ExecuteOptions {}

const EXECUTE_KEYS: Readonly<Record<keyof LimitedExecuteOptions, true>> = { ...ASYNC_KEYS, ...CONTEXT_KEYS };

/** Reads the options of an execution. Its wait ends with the time that it has. */
export function readExecution(
  method: string,
  options: LimitedExecuteOptions | undefined,
  burst: number,
  clock: Pick<Clock, "now">,
): { readonly context: Context; readonly request: Request } {
  const isContext = Context.is(options);
  const own: LimitedExecuteOptions =
    options === undefined || isContext ? {} : ownOptions(method, EXECUTE_KEYS, options);
  const context = (isContext ? options : contextOf(own)).lasting(clock);
  const { cost = 1, timeout } = own;
  checkCost(cost, burst);
  const longest = Math.min(parseTimeout(timeout), context.remaining * 1000);
  return { context, request: { cost, timeout: longest, signal: context.source } };
}
