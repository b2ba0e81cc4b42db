import { inspect } from "node:util";
import { runContained } from "../kernel/warning.js";
import { flushOutput, tolerateClosedOutput } from "./flush.js";
import {
  type GracefulShutdownSettings,
  isDeliverable,
  type ShutdownSignal,
  signalExitCode,
} from "./options.js";
import type { ShutdownReport } from "./report.js";

/** What a shutdown shows to the listeners of the process. */
export interface SignalTarget {
  readonly settings: Pick<
    GracefulShutdownSettings,
    "signals" | "exitOnSignal" | "handleUncaught" | "forceExitCode" | "clock"
  >;
  /** Whether its shutdown has begun. */
  readonly begun: boolean;
  /** Begins the shutdown unless it has begun; never rejects. */
  begin(reason: string): unknown;
  /** Told that the process ends when the shutdown is complete; resolves then, never rejects. */
  join(): Promise<ShutdownReport>;
  exit(code: number): void;
  /** Told when the process goes on after `exit`. */
  stayed(): void;
}

/**
 * The listeners of signals and uncaught exceptions, one each for all installed shutdowns of the process:
 * every one runs, and the process ends when all that have begun are complete.
 */
class ProcessListeners {
  readonly #targets = new Set<SignalTarget>();
  readonly #listening = new Map<ShutdownSignal, () => void>();
  readonly #signalled = new WeakSet<SignalTarget>();
  #catching = false;
  #crashed = false;
  #leaving = false;

  install(target: SignalTarget): void {
    this.#targets.add(target);
    this.#adjust();
  }

  uninstall(target: SignalTarget): void {
    this.#targets.delete(target);
    this.#adjust();
  }

  /** Listens to what the targets of this moment want, and to nothing else. */
  #adjust(): void {
    const targets = [...this.#targets];
    const wanted = new Set(targets.flatMap((target) => target.settings.signals).filter(isDeliverable));
    for (const [signal, listener] of this.#listening) {
      if (wanted.has(signal)) continue;
      process.off(signal, listener);
      this.#listening.delete(signal);
    }
    for (const signal of wanted) {
      if (this.#listening.has(signal)) continue;
      const listener = (): void => this.#received(signal);
      this.#listening.set(signal, listener);
      process.on(signal, listener);
    }
    const catching = targets.some((target) => target.settings.handleUncaught);
    if (catching === this.#catching) return;
    this.#catching = catching;
    // Unhandled rejections come here, too, unless the program treats them in its own way.
    if (catching) process.on("uncaughtException", this.#uncaught);
    else process.off("uncaughtException", this.#uncaught);
  }

  #received(signal: ShutdownSignal): void {
    const targets = [...this.#targets].filter((target) => target.settings.signals.includes(signal));
    const [first] = targets;
    if (first === undefined) return;
    const code = signalExitCode(signal);
    if (targets.some((target) => this.#signalled.has(target))) {
      runContained("exit", () => first.exit(code));
      return;
    }
    for (const target of targets) {
      this.#signalled.add(target);
      target.begin(signal);
    }
    const leader = targets.find((target) => target.settings.exitOnSignal);
    if (leader !== undefined) this.#leave(leader, code);
  }

  readonly #uncaught = (error: unknown, origin: string): void => {
    process.stderr.write(`Uncaught ${inspect(error)}\n`);
    this.#crashed = true;
    const targets = [...this.#targets].filter((target) => target.settings.handleUncaught);
    const [first] = targets;
    if (first === undefined) return;
    // A second exception finds both begun already, and is printed alone.
    for (const target of targets) target.begin(origin);
    this.#leave(first, 1);
  };

  #leave(leader: SignalTarget, code: number): void {
    if (this.#leaving) return;
    this.#leaving = true;
    void this.#leaveWhenComplete(leader, code);
  }

  async #leaveWhenComplete(leader: SignalTarget, code: number): Promise<void> {
    const tolerance = tolerateClosedOutput();
    const joined = new Set<SignalTarget>();
    let failed: SignalTarget | undefined;
    const unjoined = (): SignalTarget | undefined =>
      [leader, ...this.#targets].find((target) => target.begun && !joined.has(target));
    // Looks again each time: one may begin while another is waited for.
    for (let target = unjoined(); target !== undefined; target = unjoined()) {
      joined.add(target);
      const report = await target.join();
      if (!report.ok) failed ??= target;
    }
    await flushOutput(leader.settings.clock);
    const verdict = failed?.settings.forceExitCode ?? (this.#crashed ? 1 : code);
    this.#leaving = false;
    this.#crashed = false;
    runContained("exit", () => leader.exit(verdict));
    // Only an `exit` of the application's own comes back.
    tolerance[Symbol.dispose]();
    for (const target of joined) target.stayed();
  }
}

/** The one set of listeners of this process. */
export const processListeners: ProcessListeners = new ProcessListeners();
