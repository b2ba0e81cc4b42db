import { constants } from "node:os";
import { type Copy, sharedByCopies } from "./copies.js";
import { allowUntil } from "./deadline-thread.js";
import { noteTerminals } from "./closed-terminal.js";
import { endProcess, exitNow, inspected, isEnding } from "./end-process.js";
import { flush, outputStreams, tolerate } from "./flush.js";
import { isInterruption, tolerateInterruption } from "./interruption.js";
import type { ShutdownSignal } from "./options.js";
import type { ShutdownResult } from "./report.js";
import { SignalHistory } from "./second-signal.js";
import type { ShutdownRun } from "./shutdown-run.js";
import { describeResults } from "./snapshot.js";
import { listenToParent, type Parent } from "./members/parent.js";
import { failTurn } from "./turn.js";
import { endingBecause } from "./unfinished.js";

// What follows is of this copy of the package: one listener each for all installed shutdowns. Every one runs, and
// the process ends when all that have begun are complete, those of other copies among them.
const emitter: NodeJS.EventEmitter = process;
const CRASH = "uncaughtException";
const REJECTION = "unhandledRejection";
// Node makes an exception of a rejection that nobody handles; Bun ends the process with it.
const CRASHES = process.versions["bun"] === undefined ? [CRASH] : [CRASH, REJECTION];
const targets = new Set<ShutdownRun>();
const listening = new Map<string, (...args: unknown[]) => void>();
const histories = new WeakMap<ShutdownRun, SignalHistory>();
/** Those who end this thread or process, when there are any. */
let parent: Parent | undefined;

const self: Copy = {
  until() {
    const times = inProgress().map((target) => target.until ?? 0);
    return times.length === 0 ? undefined : Math.max(...times);
  },
  async settle() {
    const joined = new Set<ShutdownRun>();
    let forced: number | undefined;
    for (let target = nextOf(joined); target !== undefined; target = nextOf(joined)) {
      joined.add(target);
      const { ok } = await target.finish();
      if (!ok) forced ??= target.settings.forceExitCode;
    }
    return forced;
  },
};

/** A shutdown that has begun and is not known yet. */
function nextOf(joined: ReadonlySet<ShutdownRun>): ShutdownRun | undefined {
  return [...targets].find((target) => target.hasBegun && !joined.has(target));
}

function inProgress(): readonly ShutdownRun[] {
  return [...targets].filter((target) => target.until !== undefined);
}

/** What of the process a target listens to; a signal that the platform does not have never comes. */
function eventsOf({ settings: { signals, handleUncaught } }: ShutdownRun): readonly string[] {
  // Unhandled rejections come as exceptions, too, unless the program treats them in its own way.
  return handleUncaught ? [...signals, ...CRASHES] : signals;
}

function listenersTo(event: string): readonly ShutdownRun[] {
  return [...targets].filter((target) => eventsOf(target).includes(event));
}

/** Whether a target is installed. */
export function isInstalled(target: ShutdownRun): boolean {
  return targets.has(target);
}

/** Listens on behalf of a target. */
export function install(target: ShutdownRun): void {
  noteTerminals();
  targets.add(target);
  sharedByCopies().copies.add(self);
  parent ??= listenToParent(ordered);
  for (const event of eventsOf(target)) {
    if (listening.has(event)) continue;
    const listener = listenerOf(event);
    listening.set(event, listener);
    emitter.on(event, listener);
  }
}

/** Listens no more to what nobody else wants. */
export function uninstall(target: ShutdownRun): void {
  targets.delete(target);
  histories.get(target)?.stop();
  if (targets.size === 0) {
    sharedByCopies().copies.delete(self);
    parent?.[Symbol.dispose]();
    parent = undefined;
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

function historyOf(target: ShutdownRun): SignalHistory {
  const known = histories.get(target);
  if (known !== undefined) return known;
  const history = new SignalHistory(target.settings);
  histories.set(target, history);
  return history;
}

function received(signal: ShutdownSignal): void {
  // The exit code by which a shell tells that a signal ended a program.
  const code = 128 + (constants.signals[signal] ?? constants.signals.SIGTERM);
  const { copies, exitCode } = sharedByCopies();
  const isComplete = exitCode === undefined && [...copies].every((copy) => copy.until() === undefined);
  const heard = listenersTo(signal).map((target) => ({
    target,
    meaning: historyOf(target).hear(signal, isComplete),
  }));
  const impatient = heard.find(({ meaning }) => meaning === "exit");
  if (impatient !== undefined) {
    void cutShort(impatient.target, signal, code);
    return;
  }
  const begun = heard.filter(({ meaning }) => meaning === "first").map(({ target }) => target);
  for (const target of begun) void target.begin(signal);
  void leave(
    begun.find(({ settings }) => settings.exitOnSignal),
    code,
  );
}

/** The exit code is the signal's, as the one of an orderly end: what is cut short is said. */
async function cutShort({ settings }: ShutdownRun, signal: ShutdownSignal, code: number): Promise<void> {
  endingBecause(`ended at once by a second signal, ${signal}`);
  // Who asks once more goes past an `exit` of the application's own that does not come to its end.
  if (isEnding()) return exitNow(code);
  const ending = endProcess(settings, code);
  const held = ending === undefined ? [] : inProgress();
  for (const target of held) target.exitFollows();
  await ending;
  endingBecause(undefined);
  for (const target of held) target.exitReturned();
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
  const shared = sharedByCopies();
  if (shared.exitCode !== undefined && isInterruption(error)) return;
  process.stderr.write(`Uncaught ${inspected(error)}\n`);
  const found = listenersTo(CRASH);
  // Another exception finds them begun already.
  for (const target of targets) {
    if (found.includes(target) || target.hasBegun) target.crash(String(origin), error);
  }
  failTurn(error);
  void leave(found[0], 1);
  // A process that was on its way out already does not end in order any more, either.
  if (shared.exitCode !== undefined) shared.exitCode = 1;
}

function rejected(reason: unknown): void {
  // A program with a listener of its own treats them in its own way, as on Node.
  if (emitter.listenerCount(REJECTION) === 1) crashed(reason, REJECTION);
}

/** The other copies of the package in this process. */
function otherCopies(): readonly Copy[] {
  return [...sharedByCopies().copies].filter((copy) => copy !== self);
}

async function leave(leader: ShutdownRun | undefined, code: number): Promise<void> {
  const shared = sharedByCopies();
  if (leader === undefined || shared.exitCode !== undefined) return;
  shared.exitCode = code;
  const streams = outputStreams();
  const tolerances = [tolerate(streams), tolerateInterruption()];
  const joined = new Set<ShutdownRun>();
  const results: ShutdownResult[] = [];
  let forced: number | undefined;
  // Looks again each time: one may begin while another is waited for.
  for (let isOver = false; !isOver;) {
    const target = joined.has(leader) ? nextOf(joined) : leader;
    const copy = otherCopies().find((other) => other.until() !== undefined);
    if (target !== undefined) {
      joined.add(target);
      target.exitFollows();
      const report = await target.finish();
      results.push(...report.results);
      if (!report.ok) forced ??= target.settings.forceExitCode;
    } else if (copy !== undefined) {
      allowUntil(copy.until() ?? 0);
      await copy.settle();
    } else isOver = true;
  }
  for (const copy of otherCopies()) {
    const worse = await copy.settle();
    forced ??= worse;
  }
  parent?.send({ step: "ended", ok: forced === undefined, results: describeResults(results) });
  await flush(streams, leader.settings.clock);
  await parent?.disconnect(leader.settings.clock);
  // The code is looked up last: an exception may have come in between.
  await endProcess(leader.settings, forced ?? shared.exitCode);
  shared.exitCode = undefined;
  // Only an `exit` of the application's own comes back.
  for (const tolerance of tolerances) tolerance[Symbol.dispose]();
  for (const target of joined) target.exitReturned();
}
