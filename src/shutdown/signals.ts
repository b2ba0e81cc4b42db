import { constants } from "node:os";
import { endProcess, inspected, say } from "./end-process.js";
import { flush, outputStreams, tolerate } from "./flush.js";
import { isInterruption, tolerateInterruption } from "./interruption.js";
import type { GracefulShutdownSettings, ShutdownSignal } from "./options.js";
import type { ShutdownReport, ShutdownResult } from "./report.js";
import { describeResults, type ShutdownSnapshot } from "./snapshot.js";
import { hearSuperior, type Superior } from "./superior.js";

/** What a shutdown shows to the listeners of the process. */
export interface SignalTarget {
  readonly settings: GracefulShutdownSettings;
  readonly shutdown: {
    readonly isShuttingDown: boolean;
    trigger(reason: string): Promise<ShutdownReport>;
    snapshot(): Pick<ShutdownSnapshot, "callbacks" | "results">;
  };
  /** Begins the shutdown on an order of those above, unless it has begun. */
  obey(reason: string, time: number): void;
  /** Begins the shutdown after an uncaught error, unless it has begun; from then on without its delay. */
  crash(reason: string): void;
  /** Told that the process ends when the shutdown is complete; resolves then, never rejects. */
  leave(): Promise<ShutdownReport>;
  /** Told when the process goes on after `exit`. */
  stay(): void;
}

// What follows is of the process: one listener each for all installed shutdowns. Every one runs, and the
// process ends when all that have begun are complete.
const emitter: NodeJS.EventEmitter = process;
const CRASH = "uncaughtException";
const REJECTION = "unhandledRejection";
// Node makes an exception of a rejection that nobody handles; Bun ends the process with it.
const CRASHES = process.versions["bun"] === undefined ? [CRASH] : [CRASH, REJECTION];
const targets = new Set<SignalTarget>();
const listening = new Map<string, (...args: unknown[]) => void>();
const signalled = new WeakSet<SignalTarget>();
/** Those who end this thread or process, when there are any. */
let superior: Superior | undefined;
/** The code with which the process is about to end if all goes well; `undefined` while it is not. */
let exitCode: number | undefined;

/** What of the process a target listens to; a signal that the platform does not have never comes. */
function eventsOf({ settings: { signals, handleUncaught } }: SignalTarget): readonly string[] {
  // Unhandled rejections come as exceptions, too, unless the program treats them in its own way.
  return handleUncaught ? [...signals, ...CRASHES] : signals;
}

function listenersTo(event: string): readonly SignalTarget[] {
  return [...targets].filter((target) => eventsOf(target).includes(event));
}

/** Whether a target is installed. */
export function isInstalled(target: SignalTarget): boolean {
  return targets.has(target);
}

/** Listens on behalf of a target. */
export function install(target: SignalTarget): void {
  targets.add(target);
  superior ??= hearSuperior(ordered);
  for (const event of eventsOf(target)) {
    if (listening.has(event)) continue;
    const listener = listenerOf(event);
    listening.set(event, listener);
    emitter.on(event, listener);
  }
}

/** Listens no more to what nobody else wants. */
export function uninstall(target: SignalTarget): void {
  targets.delete(target);
  if (targets.size === 0) {
    superior?.[Symbol.dispose]();
    superior = undefined;
  }
  for (const event of eventsOf(target)) {
    const listener = listening.get(event);
    if (listener === undefined || listenersTo(event).length > 0) continue;
    emitter.off(event, listener);
    listening.delete(event);
  }
}

function listenerOf(event: string): (...args: unknown[]) => void {
  if (event === CRASH) return crashed;
  return event === REJECTION ? rejected : () => received(event as ShutdownSignal);
}

function received(signal: ShutdownSignal): void {
  // The exit code by which a shell tells that a signal ended a program.
  const code = 128 + (constants.signals[signal] ?? constants.signals.SIGTERM);
  const found = listenersTo(signal);
  const again = found.find((target) => signalled.has(target));
  if (again !== undefined) {
    sayUnfinished(signal);
    endProcess(again.settings.exit, code);
    return;
  }
  for (const target of found) {
    signalled.add(target);
    void target.shutdown.trigger(signal);
  }
  void leave(
    found.find(({ settings }) => settings.exitOnSignal),
    code,
  );
}

/** The exit code is the signal's, as the one of an orderly end: what was cut short is said. */
function sayUnfinished(signal: ShutdownSignal): void {
  const names = [...targets].flatMap(({ shutdown }) => {
    const { callbacks, results } = shutdown.snapshot();
    const ended = new Set(results.map(({ name }) => name));
    return shutdown.isShuttingDown ? callbacks.filter(({ name }) => !ended.has(name)) : [];
  });
  if (names.length === 0) return;
  say(`ended at once by a second signal, ${signal}; not done: ${names.map(({ name }) => name).join(", ")}`);
}

/** An order is no signal: one that comes with it, to a whole group, is the first. */
function ordered(reason: string, time: number): void {
  for (const target of targets) target.obey(reason, time);
  void leave(
    [...targets].find(({ settings }) => settings.exitOnSignal),
    0,
  );
}

function crashed(error: unknown, origin: unknown): void {
  if (exitCode !== undefined && isInterruption(error)) return;
  process.stderr.write(`Uncaught ${inspected(error)}\n`);
  const found = listenersTo(CRASH);
  // A second exception finds them begun already, and is printed alone.
  for (const target of targets) {
    if (found.includes(target) || target.shutdown.isShuttingDown) target.crash(String(origin));
  }
  void leave(found[0], 1);
  // A process that was on its way out already does not end in order any more, either.
  if (exitCode !== undefined) exitCode = 1;
}

function rejected(reason: unknown): void {
  // A program with a listener of its own treats them in its own way, as on Node.
  if (emitter.listenerCount(REJECTION) === 1) crashed(reason, REJECTION);
}

async function leave(leader: SignalTarget | undefined, code: number): Promise<void> {
  if (leader === undefined || exitCode !== undefined) return;
  exitCode = code;
  const streams = outputStreams();
  const tolerances = [tolerate(streams), tolerateInterruption()];
  const joined = new Set<SignalTarget>();
  const results: ShutdownResult[] = [];
  let forced: number | undefined;
  // Looks again each time: one may begin while another is waited for.
  for (
    let next: SignalTarget | undefined = leader;
    next !== undefined;
    next = [...targets].find((target) => target.shutdown.isShuttingDown && !joined.has(target))
  ) {
    joined.add(next);
    const report = await next.leave();
    results.push(...report.results);
    if (!report.ok) forced ??= next.settings.forceExitCode;
  }
  superior?.report({ step: "ended", ok: forced === undefined, results: describeResults(results) });
  await flush(streams, leader.settings.clock);
  await superior?.leave(leader.settings.clock);
  const verdict = forced ?? exitCode;
  exitCode = undefined;
  endProcess(leader.settings.exit, verdict);
  // Only an `exit` of the application's own comes back.
  for (const tolerance of tolerances) tolerance[Symbol.dispose]();
  for (const target of joined) target.stay();
}
