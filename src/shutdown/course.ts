import { realClock } from "../kernel/clock.js";
import type { Events } from "../kernel/events.js";
import { warn } from "../kernel/warning.js";
import { type DeadlineThread, startDeadlineThread } from "./deadline-thread.js";
import { drain } from "./drain.js";
import { ShutdownError } from "./errors.js";
import type { GracefulShutdownSettings } from "./options.js";
import type { Registrations } from "./registrations.js";
import type { ShutdownEvents, ShutdownReport, ShutdownResult } from "./report.js";
import type { SignalTarget } from "./signals.js";
import { describe, type ShutdownSnapshot } from "./snapshot.js";
import { Waiters } from "./waiters.js";

/** The one course that a shutdown takes: idle, draining, complete. */
export class Course implements SignalTarget {
  readonly settings: GracefulShutdownSettings;
  readonly #registrations: Registrations;
  readonly #events: Events<ShutdownEvents>;
  readonly #waiters: Waiters;
  readonly #controller = new AbortController();
  readonly #results: ShutdownResult[] = [];
  #leaving = false;
  #reason: string | undefined;
  #running: string | undefined;
  #completion: Promise<ShutdownReport> | undefined;
  #report: ShutdownReport | undefined;
  #thread: DeadlineThread | undefined;

  constructor(
    settings: GracefulShutdownSettings,
    registrations: Registrations,
    events: Events<ShutdownEvents>,
  ) {
    this.settings = settings;
    this.#registrations = registrations;
    this.#events = events;
    this.#waiters = new Waiters(settings.clock);
  }

  get begun(): boolean {
    return this.#reason !== undefined;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(reason: string): Promise<ShutdownReport> {
    return this.#completion ?? this.#begin(reason);
  }

  async join(): Promise<ShutdownReport> {
    this.#leaving = true;
    const report = await this.begin("");
    this.#warnOfFailures(report);
    return report;
  }

  stayed(): void {
    this.#thread?.stop();
  }

  exit(code: number): void {
    const { exit } = this.settings;
    if (exit === undefined) process.exit(code);
    else exit(code);
  }

  async dispose(): Promise<void> {
    this.#warnOfFailures(await this.begin("dispose"));
  }

  /** Resolves with whether the course was complete before `timeout` milliseconds were over. */
  async wait(timeout: number | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    return this.#report === undefined ? this.#waiters.wait(timeout, signal) : true;
  }

  describe(installed: boolean): ShutdownSnapshot {
    const begun = this.begun ? "draining" : "idle";
    return describe(
      {
        name: this.settings.name,
        state: this.#report === undefined ? begun : "complete",
        installed,
        reason: this.#reason ?? null,
        running: this.#running ?? null,
      },
      this.#registrations.inOrder(),
      this.#results,
    );
  }

  #begin(reason: string): Promise<ShutdownReport> {
    const { clock, timeout, preStopDelay, forceExitCode } = this.settings;
    const started = clock.now();
    this.#reason = reason;
    this.#registrations.close();
    // Another clock is a test's, and says nothing about when a thread hangs.
    if (clock === realClock) {
      this.#thread = startDeadlineThread({ timeout, forceExitCode, exit: (code) => this.exit(code) });
    }
    // Deferred, so that whoever is told below finds this promise in place.
    const completion = Promise.resolve()
      .then(() =>
        drain({
          reason,
          hooks: this.#registrations.inOrder(),
          started,
          timeout,
          preStopDelay,
          clock,
          onTurn: (name) => this.#turn(name),
          onResult: (result) => this.#ended(result),
        }),
      )
      .then((report) => this.#finish(report));
    this.#completion = completion;
    this.#controller.abort(
      new ShutdownError("ERR_SHUTDOWN_IN_PROGRESS", `the process is shutting down: ${reason}.`),
    );
    this.#events.emit("begin", { reason });
    return completion;
  }

  #turn(name: string): void {
    this.#running = name;
    this.#thread?.running(name);
  }

  #ended(result: ShutdownResult): void {
    this.#running = undefined;
    this.#results.push(result);
    this.#events.emit("callback", { result });
  }

  #finish(report: ShutdownReport): ShutdownReport {
    this.#report = report;
    this.#registrations.release();
    if (this.#leaving) this.#thread?.leaving();
    else this.#thread?.stop();
    this.#waiters.complete();
    this.#events.emit("complete", { report });
    return report;
  }

  /** For those endings whose report nobody receives. */
  #warnOfFailures(report: ShutdownReport): void {
    if (this.#events.has("callback") || this.#events.has("complete")) return;
    for (const { name, status, error } of report.results) {
      if (status !== "done")
        warn("KSTLIB_SHUTDOWN_INCOMPLETE", `shutdown callback ${name}: ${status}`, error);
    }
  }
}
