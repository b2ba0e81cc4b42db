import { onAbort } from "../kernel/abort.js";
import type { Clock, Timer } from "../kernel/clock.js";
import { formatDuration } from "../kernel/duration.js";
import { runAbortable } from "../kernel/policy.js";
import { warn } from "../kernel/warning.js";
import { atMost } from "./at-most.js";
import { ShutdownError } from "./errors.js";
import { flush, outputStreams, tolerate } from "./flush.js";
import type { GracefulShutdownSettings } from "./options.js";
import { budget, type Hook } from "./plan.js";
import type { ShutdownCallback, ShutdownContext, ShutdownReport, ShutdownResult } from "./report.js";
import { takeTurn } from "./turn.js";

/**
 * How long a callback may still take after something that it started threw uncaught, in milliseconds: its promise may
 * never settle then, and later callbacks need their time.
 */
const AFTER_ERROR = 1000;

/** The inputs of {@link runHooks} that change during a run, and its callbacks. */
interface Observer {
  /** Aborts after an uncaught error: the process is in an undefined state and must not keep serving. */
  readonly broken: AbortSignal;
  /** The uncaught error so far, if any. */
  readonly crash: () => { readonly error: unknown } | undefined;
  /** Called before each callback. */
  readonly onTurn: (name: string) => void;
  /** Called after each callback, and for each that was skipped. */
  readonly onResult: (result: ShutdownResult) => void;
}

/** Waits `delay` milliseconds, or until there is an uncaught error. */
async function linger(delay: number, broken: AbortSignal, clock: Clock): Promise<void> {
  if (delay === 0 || broken.aborted) return;
  const broke = new Promise<void>((resolve) => {
    onAbort(broken, resolve);
  });
  await atMost(delay, broke, clock);
}

/** Gives every callback its turn, one after the other; never rejects. */
export async function runHooks(
  hooks: readonly Hook[],
  reason: string,
  { clock, timeout, preStopDelay, reserve }: GracefulShutdownSettings,
  { broken, crash, onTurn, onResult }: Observer,
): Promise<ShutdownReport> {
  const started = clock.now();
  const streams = outputStreams();
  const tolerance = tolerate(streams);
  // Always asynchronous, so that the listeners of "begin" are called before the first callback.
  await linger(preStopDelay, broken, clock);
  const results: ShutdownResult[] = [];
  for (const hook of hooks) {
    const kept = hook === hooks.at(-1) ? 0 : reserve;
    const time = budget(hook, started + timeout, clock.now(), kept);
    if (time > 0) onTurn(hook.name);
    const result = Object.freeze(
      time > 0
        ? await runHook(hook, { reason, ...crash() }, time, clock)
        : { name: hook.name, status: "skipped" as const, seconds: 0 },
    );
    results.push(result);
    onResult(result);
  }
  // The last output may fail after the end.
  void flush(streams, clock).then(() => tolerance[Symbol.dispose]());
  return Object.freeze({
    reason,
    ...crash(),
    results: Object.freeze(results),
    seconds: (clock.now() - started) / 1000,
    ok: results.every(({ status }) => status === "done"),
  });
}

/**
 * Gives one callback its turn of at most `time` milliseconds; never rejects. Its timer keeps the process
 * alive meanwhile, even if the callback's promise never settles.
 */
async function runHook(
  { name, kind, callback, members, cut }: Hook,
  why: Omit<ShutdownContext, "signal">,
  time: number,
  clock: Clock,
): Promise<ShutdownResult> {
  const started = clock.now();
  const controller = new AbortController();
  const { signal } = controller;
  /** Why its signal was aborted. */
  let ended: "failed" | "timed-out" | undefined;
  let outcome: Pick<ShutdownResult, "status" | "error"> | undefined;
  const end = (status: "failed" | "timed-out", error: unknown): void => {
    ended ??= status;
    controller.abort(error);
  };
  const expire = (): void => {
    // The rest of the total time is rarely a round number.
    const seconds = time < 1000 ? time / 1000 : Math.round(time / 100) / 10;
    const message = `${name} did not finish within ${formatDuration(seconds)}.`;
    end("timed-out", new ShutdownError("ERR_SHUTDOWN_TIMEOUT", message));
  };
  const timer = clock.setTimer(expire, time);
  let failing: Timer | undefined;
  const fail = (error: unknown): void => {
    if (outcome === undefined) failing ??= clock.setTimer(() => end("failed", error), AFTER_ERROR);
  };
  // The report of a blocked thread finds the application's frames by the names of these functions.
  const callHook = (): unknown =>
    kind === "callback"
      ? (callback as ShutdownCallback)({ signal, ...why })
      : callback({ signal, ...why }, time);
  try {
    await takeTurn(fail, () => runAbortable(callHook, signal));
    // A callback that blocked the thread has delayed its own timer.
    if (clock.now() - started > time) expire();
    signal.throwIfAborted();
    outcome = { status: "done" };
  } catch (error) {
    outcome = { status: ended ?? "failed", error };
  }
  timer.cancel();
  failing?.cancel();
  const seconds = (clock.now() - started) / 1000;
  const lost = cut?.();
  return {
    name,
    ...outcome,
    seconds,
    ...(members && { members: await members() }),
    ...(lost && { cut: lost }),
  };
}

/** Warns of every callback that is not done. */
export function warnOfFailures({ results }: ShutdownReport): void {
  for (const { name, status, error } of results) {
    if (status !== "done") warn("KSTLIB_SHUTDOWN_INCOMPLETE", `shutdown callback ${name}: ${status}`, error);
  }
}
