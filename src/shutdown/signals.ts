import { constants } from "node:os";
import { noteTerminals } from "./closed-terminal.js";
import { type Copy, sharedByCopies } from "./copies.js";
import { allowUntil } from "./deadline-thread.js";
import { endProcess, exitNow, inspected, isEnding } from "./end-process.js";
import { flush, outputStreams, tolerate } from "./flush.js";
import { isInterruption, tolerateInterruption } from "./interruption.js";
import { listenToParent, type Parent } from "./members/parent.js";
import type { ShutdownSignal } from "./options.js";
import type { ShutdownReport } from "./report.js";
import type { ShutdownRun } from "./shutdown-run.js";
import { describeResults } from "./snapshot.js";
import { failTurn } from "./turn.js";
import { endingBecause } from "./unfinished.js";

// One listener for each signal serves all installed shutdowns. Each of them runs, and the process ends when all that
// have begun are complete, including those of other copies of this package.
const emitter: NodeJS.EventEmitter = process;
const CRASH = "uncaughtException";
const REJECTION = "unhandledRejection";
// Node turns an unhandled rejection into an uncaught exception; Bun ends the process.
const CRASHES = process.versions["bun"] === undefined ? [CRASH] : [CRASH, REJECTION];
const installed = new Set<ShutdownRun>();
const listening = new Map<string, (...args: unknown[]) => void>();
/** The thread or process that can tell this one to end, if any. */
let parent: Parent | undefined;

const self: Copy = {
  until() {
    const times = inProgress().map((run) => run.until ?? 0);
    return times.length === 0 ? undefined : Math.max(...times);
  },
  async settle() {
    return failureCode(await join(new Map()));
  },
};

type Reports = Map<ShutdownRun, ShutdownReport>;

/** Waits for all shutdowns that have begun, including those that begin meanwhile, and adds their reports. */
async function join(reports: Reports, begin: (run: ShutdownRun) => void = () => {}): Promise<Reports> {
  for (;;) {
    const run = [...installed].find((other) => other.hasBegun && !reports.has(other));
    if (run === undefined) return reports;
    begin(run);
    reports.set(run, await run.finish());
  }
}

/** The exit code of the first shutdown that failed; `undefined` if none did. */
function failureCode(reports: Reports): number | undefined {
  return [...reports].find(([, { ok }]) => !ok)?.[0].settings.forceExitCode;
}

function inProgress(): readonly ShutdownRun[] {
  return [...installed].filter((run) => run.until !== undefined);
}

/** The events of the process that a shutdown listens to. */
function eventsOf({ settings: { signals, handleUncaught } }: ShutdownRun): readonly string[] {
  return handleUncaught ? [...signals, ...CRASHES] : signals;
}

function listenersTo(event: string): readonly ShutdownRun[] {
  return [...installed].filter((run) => eventsOf(run).includes(event));
}

/** Whether a shutdown is installed. */
export function isInstalled(run: ShutdownRun): boolean {
  return installed.has(run);
}

/** Listens to the events of a shutdown. */
export function install(run: ShutdownRun): void {
  noteTerminals();
  installed.add(run);
  sharedByCopies().copies.add(self);
  parent ??= listenToParent(obeyParent);
  for (const event of eventsOf(run)) {
    if (listening.has(event)) continue;
    const listener = listenerOf(event);
    listening.set(event, listener);
    emitter.on(event, listener);
  }
}

/** Stops listening, except to events that other shutdowns listen to. */
export function uninstall(run: ShutdownRun): void {
  installed.delete(run);
  run.history.stop();
  if (installed.size === 0) {
    sharedByCopies().copies.delete(self);
    parent?.[Symbol.dispose]();
    parent = undefined;
  }
  for (const event of eventsOf(run)) {
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
  // The exit code that a shell reports for a program ended by this signal.
  const code = 128 + (constants.signals[signal] ?? constants.signals.SIGTERM);
  const { copies, exitCode } = sharedByCopies();
  const isComplete = exitCode === undefined && [...copies].every((copy) => copy.until() === undefined);
  const heard = listenersTo(signal).map((run) => ({
    run,
    meaning: run.history.hear(signal, isComplete),
  }));
  const impatient = heard.find(({ meaning }) => meaning === "exit");
  if (impatient !== undefined) {
    void cutShort(impatient.run, signal, code);
    return;
  }
  const begun = heard.filter(({ meaning }) => meaning === "first").map(({ run }) => run);
  for (const run of begun) void run.begin(signal);
  void leave(
    begun.find(({ settings }) => settings.exitOnSignal),
    code,
  );
}

/** Ends the process at once. The exit code is that of an orderly end, so stderr lists the unfinished callbacks. */
async function cutShort({ settings }: ShutdownRun, signal: ShutdownSignal, code: number): Promise<void> {
  endingBecause(`ended at once by a second signal, ${signal}`);
  // The application's `exit` is still running and may hang: one more signal bypasses it.
  if (isEnding()) return exitNow(code);
  const ending = endProcess(settings, code);
  const held = ending === undefined ? [] : inProgress();
  for (const run of held) run.exitFollows();
  await ending;
  endingBecause(undefined);
  for (const run of held) run.exitReturned();
}

/** The parent's command. It is not a signal: a signal to the whole group that follows counts as the first. */
function obeyParent(reason: string, time: number): void {
  for (const run of installed) run.obey(reason, time);
  void leave(
    [...installed].find(({ settings }) => settings.exitOnSignal),
    0,
  );
}

function crashed(error: unknown, origin: unknown): void {
  const shared = sharedByCopies();
  if (shared.exitCode !== undefined && isInterruption(error)) return;
  process.stderr.write(`Uncaught ${inspected(error)}\n`);
  const found = listenersTo(CRASH);
  // A shutdown in progress records the error even without `handleUncaught`.
  for (const run of installed) {
    if (found.includes(run) || run.hasBegun) run.crash(String(origin), error);
  }
  failTurn(error);
  void leave(found[0], 1);
  // Also if the process was about to exit for another reason.
  if (shared.exitCode !== undefined) shared.exitCode = 1;
}

function rejected(reason: unknown): void {
  // A listener of the application's own decides instead, as on Node.
  if (emitter.listenerCount(REJECTION) === 1) crashed(reason, REJECTION);
}

function otherCopies(): readonly Copy[] {
  return [...sharedByCopies().copies].filter((copy) => copy !== self);
}

/** Ends the process when every shutdown that has begun is complete, unless that is already in progress. */
async function leave(leader: ShutdownRun | undefined, code: number): Promise<void> {
  const shared = sharedByCopies();
  if (leader === undefined || shared.exitCode !== undefined) return;
  shared.exitCode = code;
  const streams = outputStreams();
  const tolerances = [tolerate(streams), tolerateInterruption()];
  const reports: Reports = new Map();
  leader.exitFollows();
  reports.set(leader, await leader.finish());
  // Checked again each time, because another may have begun meanwhile.
  for (;;) {
    await join(reports, (run) => run.exitFollows());
    const other = otherCopies().find((copy) => copy.until() !== undefined);
    if (other === undefined) break;
    allowUntil(other.until() ?? 0);
    await other.settle();
  }
  let failed = failureCode(reports);
  for (const copy of otherCopies()) {
    const theirs = await copy.settle();
    failed ??= theirs;
  }
  const results = [...reports.values()].flatMap((report) => report.results);
  parent?.send({ step: "ended", ok: failed === undefined, results: describeResults(results) });
  await flush(streams, leader.settings.clock);
  await parent?.disconnect(leader.settings.clock);
  // Read last: an exception may have changed it meanwhile.
  await endProcess(leader.settings, failed ?? shared.exitCode);
  shared.exitCode = undefined;
  // Reached only if the application's own `exit` has returned.
  for (const tolerance of tolerances) tolerance[Symbol.dispose]();
  for (const run of reports.keys()) run.exitReturned();
}
