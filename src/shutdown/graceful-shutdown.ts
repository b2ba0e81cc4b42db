import type { Component } from "../kernel/component.js";
import { realClock } from "../kernel/clock.js";
import { Events, type Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { checkFunction } from "../kernel/policy.js";
import { show } from "../kernel/show.js";
import { type DeadlineThread, startDeadlineThread } from "./deadline-thread.js";
import { ShutdownError } from "./errors.js";
import { Health } from "./health.js";
import type { HealthCheck } from "./health-check.js";
import { healthHandler, type HealthHandler } from "./health-handler.js";
import type { HealthCheckOptions, HealthHandlerOptions } from "./health-options.js";
import type { HealthReport } from "./health-report.js";
import {
  checkDelay,
  type GracefulShutdownOptions,
  type GracefulShutdownSettings,
  type ShutdownCallbackOptions,
  shutdownRules,
  type ShutdownWaitOptions,
} from "./options.js";
import { Registrations } from "./registrations.js";
import type { ShutdownCallback, ShutdownEvents, ShutdownReport, ShutdownResult } from "./report.js";
import { runHooks, warnOfFailures } from "./run-hooks.js";
import { type ClosableServer, followServer } from "./server-drain.js";
import { install, isInstalled, type SignalTarget, uninstall } from "./signals.js";
import { describe, type ShutdownSnapshot } from "./snapshot.js";
import { Waiting } from "./waiting.js";

/**
 * Ends a process in order: on SIGTERM or SIGINT, or when `trigger` is called, the registered callbacks run
 * one after the other, lower priority first, within one total time that also holds when a callback blocks
 * the thread.
 *
 * An installed shutdown does not keep the process alive; one in progress does, and so does `wait`. Several
 * installed at once all run, side by side, and the process ends when all of them are complete. It happens
 * once: a shutdown that has begun stays `isShuttingDown`. While a callback blocks the thread, a second
 * signal is not seen until it returns.
 *
 * @example
 * ```ts
 * import { GracefulShutdown } from "@kstlib/resilience";
 *
 * const shutdown = new GracefulShutdown({ timeout: 10 });
 * shutdown.register("logs", () => "flushed", { priority: 30 });
 * shutdown.register("database", async () => "closed", { priority: 10, timeout: 5 });
 * shutdown.install(); // SIGTERM and SIGINT
 *
 * const report = await shutdown.trigger("example"); // from code: does not end the process
 * console.assert(report.ok);
 * console.assert(report.results.map((result) => result.name).join() === "database,logs");
 * shutdown.uninstall();
 * ```
 */
export class GracefulShutdown implements Component, AsyncDisposable {
  readonly #settings: GracefulShutdownSettings;
  readonly #events = new Events<ShutdownEvents>("GracefulShutdown", ["begin", "callback", "complete"]);
  readonly #controller = new AbortController();
  readonly #results: ShutdownResult[] = [];
  readonly #health: Health;
  readonly #waiting: Waiting;
  readonly #target: SignalTarget;
  readonly #registrations = new Registrations();
  #leaving = false;
  #reason: string | null = null;
  #running: string | null = null;
  #completion: Promise<ShutdownReport> | undefined;
  #isComplete = false;
  #thread: DeadlineThread | undefined;

  /**
   * @throws TypeError for an unknown option or one of the wrong type.
   * @throws RangeError for an option out of range, or a `preStopDelay` that leaves no time for callbacks.
   */
  constructor(options?: GracefulShutdownOptions) {
    const settings = resolveOptions("GracefulShutdown", shutdownRules, options, "shutdown");
    checkDelay(settings);
    this.#settings = settings;
    this.#health = new Health(settings.clock, settings.checkTimeout, this.#controller.signal);
    this.#waiting = new Waiting(settings.clock);
    this.#target = {
      settings,
      shutdown: this,
      leave: () => {
        this.#leaving = true;
        return this.#finish("");
      },
      stay: () => this.#thread?.stop(),
    };
  }

  /** What snapshots and messages call it. */
  get name(): string {
    return this.#settings.name;
  }

  /** Whether the shutdown has begun; stays `true`. */
  get isShuttingDown(): boolean {
    return this.#reason !== null;
  }

  /** Whether it listens to the signals. */
  get isInstalled(): boolean {
    return isInstalled(this.#target);
  }

  /** Aborted when the shutdown begins, with a `ShutdownError` as its reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Adds a listener; disposing of the result removes it. */
  on<Name extends keyof ShutdownEvents>(name: Name, listener: Listener<ShutdownEvents[Name]>): Disposable {
    return this.#events.on(name, listener);
  }

  /**
   * Adds a callback. Disposing of the result takes it away again, as `unregister` does.
   *
   * @throws ShutdownError when the name is taken or the shutdown has begun.
   * @throws TypeError or RangeError for a bad name, callback or option.
   */
  register(name: string, callback: ShutdownCallback, options?: ShutdownCallbackOptions): Disposable {
    return this.#registrations.add(name, options, () => {
      checkFunction(callback, "register");
      return { callback };
    });
  }

  /**
   * Adds a server, to be drained in its turn: it accepts no more connections, responses in flight end with
   * `Connection: close`, connections that are idle or never sent a byte are closed. What remains when the
   * time is up is destroyed. Connections are followed from now on, so register before `listen`: one that was
   * there before and never sent a byte stays until then.
   *
   * @throws ShutdownError when the name is taken or the shutdown has begun.
   * @throws TypeError or RangeError for a bad name, server or option.
   */
  registerServer(name: string, server: ClosableServer, options?: ShutdownCallbackOptions): Disposable {
    return this.#registrations.add(name, options, () => followServer(server, this.#settings.clock));
  }

  /**
   * Takes a callback or server away. Returns whether it was there; `false` once the shutdown has begun,
   * because its plan stands.
   */
  unregister(name: string): boolean {
    return this.#registrations.remove((hook) => hook.name === name);
  }

  /**
   * Listens to the signals, beside whoever listens already; does nothing when it does so already. After a
   * signal the process ends with 128 + the signal's number when every callback is done, else with
   * `forceExitCode`; a second signal ends it at once, with 128 + its own number.
   */
  install(): void {
    install(this.#target);
  }

  /** Stops listening and leaves the listeners of others as they are. A shutdown in progress goes on. */
  uninstall(): void {
    uninstall(this.#target);
  }

  /**
   * Begins the shutdown and resolves with its report; called again, it returns the same promise. Does not end
   * the process, unless a callback blocks the thread beyond the total time. A callback that awaits it waits
   * for itself until its time is up. Rejects for nothing but a `reason` that is not a string, with a TypeError.
   */
  trigger(reason: string = "trigger"): Promise<ShutdownReport> {
    if (typeof reason !== "string") {
      return Promise.reject(new TypeError(`reason must be a string; got ${show(reason)}.`));
    }
    return this.#completion ?? this.#begin(reason);
  }

  /**
   * Waits for the end of the shutdown and keeps the process alive meanwhile. Resolves with `true` when it is
   * complete, with `false` when `timeout` comes first; rejects with `signal.reason` when that signal aborts.
   */
  wait(options?: ShutdownWaitOptions): Promise<boolean> {
    return this.#waiting.wait(options);
  }

  /**
   * Adds a check that the health probes ask; disposing of the result takes it away again. All who ask at the
   * same time share one run; none begins beside one that outlives its time, for ten times as long. Once the
   * shutdown has begun no check is asked.
   *
   * @throws ShutdownError when there is a check of that name.
   * @throws TypeError or RangeError for a bad name, check or option.
   */
  addCheck(name: string, check: HealthCheck, options?: HealthCheckOptions): Disposable {
    return this.#health.add(name, check, options);
  }

  /** Whether it may have traffic: started, not shutting down, every readiness check is well. Never rejects. */
  readiness(): Promise<HealthReport> {
    return this.#health.report("readiness");
  }

  /** Whether it is alive: every liveness check is well, or the shutdown has begun. Never rejects. */
  liveness(): Promise<HealthReport> {
    return this.#health.report("liveness");
  }

  /** Whether it has started: every start-up check has passed once. Never rejects. */
  startup(): Promise<HealthReport> {
    return this.#health.report("startup");
  }

  /**
   * Makes a request listener for `/livez`, `/readyz` and `/startupz`: 200 or 503 with the report as JSON, as
   * text with `?verbose`; `?exclude=name` leaves a check out. While draining `/readyz` is 503 and `/livez` 200:
   * a server of its own, registered to be the last, answers to the end. See {@link HealthHandler} for an example.
   *
   * @throws TypeError or RangeError for a bad option.
   */
  healthHandler(options?: HealthHandlerOptions): HealthHandler {
    return healthHandler((probe, excluded) => this.#health.report(probe, excluded), options);
  }

  /** What it is and does at this moment; frozen, JSON-serialisable. */
  snapshot(): ShutdownSnapshot {
    const begun = this.isShuttingDown ? "draining" : "idle";
    const parts = {
      name: this.name,
      state: this.#isComplete ? "complete" : begun,
      installed: this.isInstalled,
      reason: this.#reason,
      running: this.#running,
    } as const;
    return describe(parts, this.#registrations.hooks, this.#results);
  }

  /** Runs the shutdown, then stops listening to the signals. What failed becomes a warning if nobody listens. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#finish("dispose");
    this.uninstall();
  }

  #begin(reason: string): Promise<ShutdownReport> {
    this.#reason = reason;
    this.#registrations.close();
    // Another clock is a test's, and says nothing about when a thread hangs.
    if (this.#settings.clock === realClock) this.#thread = startDeadlineThread(this.#settings);
    const onTurn = (name: string): void => {
      this.#running = name;
      this.#thread?.running(name);
    };
    const onResult = (result: ShutdownResult): void => {
      this.#running = null;
      this.#results.push(result);
      this.#events.emit("callback", { result });
    };
    // In place before anybody is told of the beginning.
    this.#completion = runHooks(this.#registrations.hooks, reason, this.#settings, onTurn, onResult).then(
      (report) => this.#complete(report),
    );
    this.#controller.abort(
      new ShutdownError("ERR_SHUTDOWN_IN_PROGRESS", `the process is shutting down: ${reason}.`),
    );
    this.#events.emit("begin", { reason });
    return this.#completion;
  }

  #complete(report: ShutdownReport): ShutdownReport {
    this.#isComplete = true;
    this.#registrations.release();
    if (this.#leaving) this.#thread?.running(null);
    else this.#thread?.stop();
    this.#waiting.complete();
    this.#events.emit("complete", { report });
    return report;
  }

  /** For those endings whose report nobody receives: warns of what failed, unless somebody listens. */
  async #finish(reason: string): Promise<ShutdownReport> {
    const report = await this.trigger(reason);
    if (!this.#events.has("callback") && !this.#events.has("complete")) warnOfFailures(report);
    return report;
  }
}
