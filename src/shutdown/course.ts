import { realClock } from "../kernel/clock.js";
import type { Events } from "../kernel/events.js";
import { type Deadline, holdDeadline } from "./deadline-thread.js";
import { ShutdownError } from "./errors.js";
import type { GracefulShutdownSettings } from "./options.js";
import type { Registrations } from "./registrations.js";
import type { ShutdownEvents, ShutdownReport, ShutdownResult } from "./report.js";
import { runHooks } from "./run-hooks.js";
import { sharedNow } from "../process/shared-time.js";
import { describe, type ShutdownSnapshot } from "./snapshot.js";
import { noteBegun, noteEnded } from "./unfinished.js";
import { Waiting } from "./waiting.js";

/** The one course of a shutdown, from its beginning to its end. */
export class Course {
  /** Those who wait for its end. */
  readonly waiting: Waiting;
  readonly #registrations: Registrations;
  readonly #events: Events<ShutdownEvents>;
  readonly #begun = new AbortController();
  readonly #broken = new AbortController();
  readonly #results: ShutdownResult[] = [];
  #isLeaving = false;
  #reason: string | null = null;
  #running: string | null = null;
  #completion: Promise<ShutdownReport> | undefined;
  #isComplete = false;
  #until = 0;
  #deadline: Deadline | undefined;
  #crash: { readonly error: unknown } | undefined;

  constructor(
    { clock }: GracefulShutdownSettings,
    registrations: Registrations,
    events: Events<ShutdownEvents>,
  ) {
    this.waiting = new Waiting(clock);
    this.#registrations = registrations;
    this.#events = events;
  }

  /** Aborted when it begins. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /** Why it has begun; `null` while it has not. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Until when it may take, in milliseconds of `process.hrtime`; `undefined` unless it is in progress. */
  get until(): number | undefined {
    return this.#reason === null || this.#isComplete ? undefined : this.#until;
  }

  /** Begins it, unless it has begun; never rejects. */
  begin(reason: string, settings: GracefulShutdownSettings): Promise<ShutdownReport> {
    if (this.#completion !== undefined) return this.#completion;
    this.#reason = reason;
    this.#registrations.close();
    this.#until = sharedNow() + settings.timeout;
    // Another clock is a test's, and says nothing about when a thread hangs.
    if (settings.clock === realClock) this.#deadline = holdDeadline(settings, this.#until);
    noteBegun(this);
    const { hooks } = this.#registrations;
    // In place before anybody is told of the beginning.
    this.#completion = runHooks(
      hooks,
      reason,
      settings,
      this.#broken.signal,
      () => this.#crash,
      this.#onTurn,
      this.#onResult,
    ).then((report) => this.#complete(report));
    const message = `the process is shutting down: ${reason}.`;
    this.#begun.abort(new ShutdownError("ERR_SHUTDOWN_IN_PROGRESS", message));
    this.#events.emit("begin", { reason, ...this.#crash });
    return this.#completion;
  }

  /** Told of an uncaught error: the process is in an undefined state, and must not go on serving. */
  crash(error: unknown): void {
    this.#crash ??= { error };
    this.#broken.abort();
  }

  /** Told that the process is to end behind it: until then the deadline holds. */
  hold(): void {
    this.#isLeaving = true;
  }

  /** Told that the process goes on. */
  stay(): void {
    this.#isLeaving = false;
    if (this.#isComplete) this.#deadline?.stop();
  }

  /** What it does at this moment. */
  snapshot(name: string, isInstalled: boolean): ShutdownSnapshot {
    const begun = this.#reason === null ? "idle" : "draining";
    const state = this.#isComplete ? "complete" : begun;
    const parts = {
      name,
      state,
      isInstalled,
      reason: this.#reason,
      runningCallback: this.#running,
    } as const;
    return describe(parts, this.#registrations.hooks, this.#results);
  }

  /** The names of the callbacks that have not ended. */
  unfinished(): readonly string[] {
    const ends = new Set(this.#results.map(({ name }) => name));
    return this.#registrations.hooks.map(({ name }) => name).filter((name) => !ends.has(name));
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

  #complete(report: ShutdownReport): ShutdownReport {
    this.#isComplete = true;
    this.#registrations.release();
    noteEnded(this);
    if (this.#isLeaving) this.#deadline?.running(null);
    else this.#deadline?.stop();
    this.waiting.complete();
    this.#events.emit("complete", { report });
    return report;
  }
}
