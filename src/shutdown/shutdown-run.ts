import { realClock } from "../kernel/clock.js";
import type { Events } from "../kernel/events.js";
import { sharedNow } from "../process/thread-clock.js";
import { type Deadline, holdDeadline } from "./deadline-thread.js";
import { ShutdownError } from "./errors.js";
import type { GracefulShutdownSettings } from "./options.js";
import type { Registrations } from "./registrations.js";
import type { ShutdownEvents, ShutdownReport, ShutdownResult } from "./report.js";
import { runHooks, warnOfFailures } from "./run-hooks.js";
import { SignalHistory } from "./second-signal.js";
import { describe, type ShutdownSnapshot } from "./snapshot.js";
import { noteBegun, noteEnded } from "./unfinished.js";
import { type ShutdownWaitOptions, waitForEnd } from "./wait.js";

/** A shutdown that has begun. */
interface Begun {
  readonly reason: string;
  /** The deadline, in milliseconds of `process.hrtime`. */
  readonly until: number;
  readonly report: Promise<ShutdownReport>;
}

/** The one run of a shutdown, on which signals and the public methods act. */
export class ShutdownRun {
  /** They may change until it begins. */
  settings: GracefulShutdownSettings;
  readonly history: SignalHistory;
  readonly #registrations: Registrations;
  readonly #events: Events<ShutdownEvents>;
  readonly #beginning = new AbortController();
  readonly #completion = new AbortController();
  readonly #broken = new AbortController();
  readonly #results: ShutdownResult[] = [];
  #begun: Begun | undefined;
  #finished: Promise<ShutdownReport> | undefined;
  #running: string | null = null;
  #deadline: Deadline | undefined;
  #crash: { readonly error: unknown } | undefined;
  #isExiting = false;

  constructor(
    settings: GracefulShutdownSettings,
    registrations: Registrations,
    events: Events<ShutdownEvents>,
  ) {
    this.settings = settings;
    this.history = new SignalHistory(settings);
    this.#registrations = registrations;
    this.#events = events;
  }

  /** Aborted when it begins. */
  get signal(): AbortSignal {
    return this.#beginning.signal;
  }

  get hasBegun(): boolean {
    return this.#begun !== undefined;
  }

  /** The deadline, in milliseconds of `process.hrtime`; `undefined` unless it is in progress. */
  get until(): number | undefined {
    return this.#isComplete ? undefined : this.#begun?.until;
  }

  /** Begins it, unless it has begun; never rejects. */
  begin(reason: string): Promise<ShutdownReport> {
    return this.#begin(reason, this.settings);
  }

  /** Begins it for a parent, which has already waited its own `preStopDelay`; `time` is the limit in milliseconds. */
  obey(reason: string, time: number): void {
    const timeout = Math.min(this.settings.timeout, time);
    void this.#begin(reason, { ...this.settings, preStopDelay: 0, timeout });
  }

  /**
   * Begins it after an uncaught error, unless it has begun, and ends the `preStopDelay`: the process is in an undefined
   * state and must not keep serving.
   */
  crash(reason: string, error: unknown): void {
    this.#crash ??= { error };
    this.#broken.abort();
    void this.begin(reason);
  }

  /** Begins it without a caller for the report: without listeners, failures become warnings, once. Never rejects. */
  finish(reason: string = ""): Promise<ShutdownReport> {
    return (this.#finished ??= this.begin(reason).then((report) => {
      if (!this.#events.has("callback") && !this.#events.has("complete")) warnOfFailures(report);
      return report;
    }));
  }

  /** The process is about to exit; the deadline is enforced until then. */
  exitFollows(): void {
    this.#isExiting = true;
  }

  /** The application's `exit` has returned, and the process goes on. */
  exitReturned(): void {
    this.#isExiting = false;
    if (this.#isComplete) this.#deadline?.stop();
  }

  /** Waits for its end. */
  wait(options: ShutdownWaitOptions | undefined): Promise<boolean> {
    return waitForEnd(this.#completion.signal, this.settings.clock, options);
  }

  /** The current state. */
  snapshot(isInstalled: boolean): ShutdownSnapshot {
    const begun = this.hasBegun ? "draining" : "idle";
    const parts = {
      name: this.settings.name,
      state: this.#isComplete ? "complete" : begun,
      isInstalled,
      reason: this.#begun?.reason ?? null,
      runningCallback: this.#running,
    } as const;
    return describe(parts, this.#registrations.hooks, this.#results);
  }

  /** The names of the callbacks that have not ended. */
  unfinished(): readonly string[] {
    const ended = new Set(this.#results.map(({ name }) => name));
    return this.#registrations.hooks.map(({ name }) => name).filter((name) => !ended.has(name));
  }

  get #isComplete(): boolean {
    return this.#completion.signal.aborted;
  }

  #begin(reason: string, settings: GracefulShutdownSettings): Promise<ShutdownReport> {
    if (this.#begun !== undefined) return this.#begun.report;
    this.#registrations.close();
    const until = sharedNow() + settings.timeout;
    // Any other clock is for tests and cannot tell how long a thread has been blocked.
    if (settings.clock === realClock) this.#deadline = holdDeadline(settings, until);
    noteBegun(this);
    const report = runHooks(this.#registrations.hooks, reason, settings, {
      broken: this.#broken.signal,
      crash: () => this.#crash,
      onTurn: this.#onTurn,
      onResult: this.#onResult,
    }).then(this.#complete);
    // Set before the listeners are called.
    this.#begun = { reason, until, report };
    const message = `the process is shutting down: ${reason}.`;
    this.#beginning.abort(new ShutdownError("ERR_SHUTDOWN_IN_PROGRESS", message));
    this.#events.emit("begin", { reason, ...this.#crash });
    return report;
  }

  readonly #onTurn = (name: string): void => {
    this.#running = name;
    this.#deadline?.running(name);
  };

  readonly #onResult = (result: ShutdownResult): void => {
    this.#running = null;
    this.#results.push(result);
    this.#events.emit("callback", { result });
  };

  readonly #complete = (report: ShutdownReport): ShutdownReport => {
    this.#completion.abort();
    this.#registrations.release();
    noteEnded(this);
    if (this.#isExiting) this.#deadline?.running(null);
    else this.#deadline?.stop();
    this.#events.emit("complete", { report });
    return report;
  };
}
