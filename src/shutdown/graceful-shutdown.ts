import { realClock } from "../kernel/clock.js";
import type { Component } from "../kernel/component.js";
import { Events, type Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { show } from "../kernel/show.js";
import type { ClusterPrimary } from "./cluster-workers.js";
import { Course } from "./course.js";
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
  type ShutdownServerOptions,
  type ShutdownWaitOptions,
} from "./options.js";
import { Registrations } from "./registrations.js";
import type { ShutdownCallback, ShutdownEvents, ShutdownReport } from "./report.js";
import { warnOfFailures } from "./run-hooks.js";
import type { ClosableServer } from "./server-parts.js";
import { install, isInstalled, type SignalTarget, uninstall } from "./signals.js";
import { ShutdownSettings } from "./settings.js";
import type { ShutdownSnapshot } from "./snapshot.js";
import { canStartDeadlineThread } from "./thread-check.js";
import type { WorkerThread } from "./worker-thread.js";

/**
 * Ends a process in order: on SIGTERM or SIGINT, or when `trigger` is called, the registered callbacks run
 * one after the other, lower priority first, within one total time that also holds when a callback blocks
 * the thread.
 *
 * An installed shutdown does not keep the process alive; one in progress does, and so does `wait`. Several
 * installed at once all run, side by side, and the process ends when all of them are complete. It happens
 * once: a shutdown that has begun stays `isShuttingDown`. Copies of the first signal change nothing, and neither
 * does another SIGTERM; a later Ctrl-C ends the process at once. One that comes while a callback blocks the thread is
 * not heard; the total time holds, and a signal that is not listened to, such as SIGQUIT (Ctrl-\), ends the process
 * at once, unless it is process 1.
 *
 * @throws TypeError for an unknown option or one of the wrong type.
 * @throws RangeError for an option out of range, or a `preStopDelay` that leaves no time for callbacks.
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
export class GracefulShutdown extends ShutdownSettings implements Component, AsyncDisposable {
  readonly #settings: GracefulShutdownSettings;
  readonly #events: Events<ShutdownEvents>;
  readonly #registrations: Registrations;
  readonly #course: Course;
  readonly #health: Health;
  readonly #target: SignalTarget;

  constructor(options?: GracefulShutdownOptions) {
    const settings = resolveOptions("GracefulShutdown", shutdownRules, options, "shutdown");
    checkDelay(settings);
    super(settings);
    this.#settings = settings;
    const source = { kind: "shutdown", name: settings.name } as const;
    this.#events = new Events("GracefulShutdown", ["begin", "callback", "complete"], source);
    this.#registrations = new Registrations(settings.clock);
    const course = new Course(settings, this.#registrations, this.#events);
    this.#course = course;
    let finishing: Promise<ShutdownReport> | undefined;
    this.#health = new Health(settings.clock, settings.checkTimeout, course.signal);
    this.#target = {
      settings,
      shutdown: this,
      obey: (reason, time) => {
        // Who gives the order has had the delay already.
        const left = { preStopDelay: 0, timeout: Math.min(settings.timeout, time) };
        void course.begin(reason, { ...settings, ...left });
      },
      until: () => course.until,
      crash: (reason, error) => {
        course.crash(error);
        void course.begin(reason, settings);
      },
      hold: () => course.hold(),
      // Asked by more than one, who need not all warn.
      finish: () => (finishing ??= this.#finish("")),
      stay: () => course.stay(),
    };
  }

  /** What snapshots and messages call it. */
  get name(): string {
    return this.#settings.name;
  }

  /** Whether the shutdown has begun; stays `true`. */
  get isShuttingDown(): boolean {
    return this.#course.reason !== null;
  }

  /** Whether it listens to the signals. */
  get isInstalled(): boolean {
    return isInstalled(this.#target);
  }

  /** Aborted when the shutdown begins, with a `ShutdownError` as its reason. */
  get signal(): AbortSignal {
    return this.#course.signal;
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
    return this.#registrations.addCallback(name, callback, options);
  }

  /**
   * Adds a server, to be drained in its turn: it accepts no more connections, responses end with
   * `Connection: close`, HTTP/2 sessions and WebSockets are told to go away. An HTTP connection without a request
   * is closed after `idleGrace`, one whose request never gets complete 2 s later at most; a WebSocket that does not
   * close is terminated after 2 s, a body or tunnel on which nothing moves is cut after 5 s; what remains when the
   * time is up is destroyed. The result's `cut` counts them.
   *
   * Takes a server of Node, what `listen` of Express or Koa returns, and what stands around one: Fastify, a Nest
   * application, socket.io, ws. Such a framework's own `close` is called in the drain, and its hooks run once: those of
   * Fastify and Nest that end what requests need come behind the last answer. Before or after `listen`, but
   * connections are followed from now on. Throws as `register` does.
   */
  registerServer(name: string, server: ClosableServer, options?: ShutdownServerOptions): Disposable {
    return this.#registrations.addServer(name, server, options);
  }

  /**
   * Adds a worker thread, to be ended in its turn: signals come to the main thread alone. A shutdown that is
   * installed in the thread is told to begin, and its thread ends; without one it is terminated after a second,
   * and when the time is up in any case. Throws as `register` does.
   */
  registerWorker(name: string, worker: WorkerThread, options?: ShutdownCallbackOptions): Disposable {
    return this.#registrations.addWorker(name, worker, options);
  }

  /**
   * Adds, in the primary, all workers of `node:cluster`, to be ended in one turn. A shutdown that is installed in a
   * worker is told to begin; a worker without one gets a SIGTERM after a second. What is there when the time is up
   * is killed. Fork no successor while `isShuttingDown`. Where the primary itself is killed, Node ends
   * its workers at once, without their callbacks. Throws as `register` does.
   */
  registerCluster(name: string, cluster: ClusterPrimary, options?: ShutdownCallbackOptions): Disposable {
    return this.#registrations.addCluster(name, cluster, options);
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
   * `forceExitCode`; a later SIGINT ends it at once, with 128 + its own number (see `onSecondSignal`).
   */
  install(): void {
    install(this.#target);
    // Another clock's shutdown has no deadline thread.
    if (this.#settings.clock === realClock) canStartDeadlineThread();
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
    return this.#course.begin(reason, this.#settings);
  }

  /**
   * Waits for the end of the shutdown and keeps the process alive meanwhile. Resolves with `true` when it is
   * complete, with `false` when `timeout` comes first; rejects with `signal.reason` when that signal aborts.
   */
  wait(options?: ShutdownWaitOptions): Promise<boolean> {
    return this.#course.waiting.wait(options);
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
    return this.#course.snapshot(this.name, this.isInstalled);
  }

  /** Runs the shutdown, then stops listening to the signals. What failed becomes a warning if nobody listens. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#finish("dispose");
    this.uninstall();
  }

  /** For those endings whose report nobody receives: warns of what failed, unless somebody listens. */
  async #finish(reason: string): Promise<ShutdownReport> {
    const report = await this.trigger(reason);
    if (!this.#events.has("callback") && !this.#events.has("complete")) warnOfFailures(report);
    return report;
  }
}
