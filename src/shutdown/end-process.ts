import { inspect } from "node:util";
import { formatDuration } from "../kernel/duration.js";
import { show } from "../kernel/show.js";
import { isThenable } from "../kernel/thenable.js";
import { letGoOfClosedTerminal } from "./closed-terminal.js";
import type { GracefulShutdownSettings } from "./options.js";
import { say } from "./say.js";

/** Formats any thrown value, even an object that throws when it is inspected. */
export function inspected(error: unknown): string {
  try {
    return inspect(error);
  } catch {
    return show(error);
  }
}

/** The application's own `exit`, while its promise is pending. */
let pending: Promise<void> | undefined;

/**
 * Ends the process without the application's own `exit`. An error of an `exit` listener comes from `process.exit`; if
 * it were only caught, the process would never end.
 */
export function exitNow(code: number): void {
  try {
    process.exit(code);
  } catch (error) {
    say(`exit failed: ${inspected(error)}`);
    // The listeners are not called again.
    process.exit(code);
  }
}

async function settle(
  result: PromiseLike<unknown>,
  settings: GracefulShutdownSettings,
  code: number,
): Promise<void> {
  const { clock, timeout, forceExitCode } = settings;
  // Without this timer a process with nothing else to do would end first, with another code. The deadline thread cannot
  // prevent that: it has already ended if the shutdown is complete.
  const hold = clock.setTimer(() => {
    say(`exit did not finish within ${formatDuration(timeout / 1000)}; exiting with ${forceExitCode}.`);
    exitNow(forceExitCode);
  }, timeout);
  try {
    await result;
  } catch (error) {
    exitAfter(error, code);
  }
  hold.cancel();
  pending = undefined;
}

function exitAfter(error: unknown, code: number): void {
  say(`exit failed: ${inspected(error)}`);
  exitNow(code);
}

/**
 * Ends the process by `exit`. The application's own `exit` may return, so that the process goes on, or return a
 * promise, which is awaited. If it throws, rejects or hangs, the process still ends. It is not called again while it is
 * pending.
 *
 * @returns the promise; `undefined` when the process goes on.
 */
export function endProcess(settings: GracefulShutdownSettings, code: number): Promise<void> | undefined {
  if (pending !== undefined) return pending;
  letGoOfClosedTerminal();
  try {
    const { exit } = settings;
    const result = exit(code);
    if (!isThenable(result)) return undefined;
    pending = settle(result, settings, code);
    return pending;
  } catch (error) {
    exitAfter(error, code);
    return undefined;
  }
}

/** Whether the application's own `exit` is pending. */
export function isEnding(): boolean {
  return pending !== undefined;
}
