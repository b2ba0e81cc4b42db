import type { Component } from "../kernel/component.js";
import { realClock } from "../kernel/clock.js";
import { Events, type Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { checkFunction, runAbortable } from "../kernel/policy.js";
import { show } from "../kernel/show.js";
import { type DeadlineThread, startDeadlineThread } from "./deadline-thread.js";
import { type ClusterPrimary, followCluster } from "./cluster-workers.js";
import { ShutdownError } from "./errors.js";
import {
  callbackRules,
  checkDelay,
  type GracefulShutdownOptions,
  type GracefulShutdownSettings,
  serverRules,
  type ShutdownCallbackOptions,
  shutdownRules,
  type ShutdownServerOptions,
  type ShutdownWaitOptions,
  waitRules,
} from "./options.js";
import { Registrations } from "./registrations.js";
import type { ShutdownCallback, ShutdownEvents, ShutdownReport, ShutdownResult } from "./report.js";
import { runHooks, warnOfFailures } from "./run-hooks.js";
import { type ClosableServer, followServer } from "./server-drain.js";
import { install, isInstalled, type SignalTarget, uninstall } from "./signals.js";
import { describe, type ShutdownSnapshot } from "./snapshot.js";
import { followWorker, type WorkerThread } from "./worker-thread.js";

/** A timer holds the process; this one never comes due in its life. */
const FOREVER = Number.MAX_SAFE_INTEGER;

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
  readonly #waiting = new Set<(isComplete: boolean) => void>();
  readonly #results: ShutdownResult[] = [];
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
    this.#target = {
      settings,
      shutdown: this,
      // Who gives the order has had the delay already.
      obey: (reason, time) =>
        void (
          this.#completion ??
          this.#begin(reason, { ...settings, preStopDelay: 0, timeout: Math.min(settings.timeout, time) })
        ),
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
    return this.#registrations.add(name, callbackRules, options, () => {
      checkFunction(callback, "register");
      return { kind: "callback", callback };
    });
  }

  /**
   * Adds a server, to be drained in its turn: it accepts no more connections, responses end with
   * `Connection: close`, HTTP/2 sessions and WebSockets are told to go away. An HTTP connection without a request
   * is closed after `idleGrace`, one whose request never gets complete 2 s later at most, an upgraded one is the
   * application's. What remains when the time is up is destroyed. Connections are followed from now on, so
   * register before `listen`.
   *
   * @throws ShutdownError when the name is taken or the shutdown has begun.
   * @throws TypeError or RangeError for a bad name, server or option.
   */
  registerServer(name: string, server: ClosableServer, options?: ShutdownServerOptions): Disposable {
    return this.#registrations.add(name, serverRules, options, ({ idleGrace }) => ({
      kind: "server",
      ...followServer(server, this.#settings.clock, idleGrace),
    }));
  }

  /**
   * Adds a worker thread, to be ended in its turn. Signals come to the main thread alone: a shutdown that is
   * installed in the thread is told to begin, has a little less than the time given here, and its thread ends. A
   * thread without one is terminated after a second, one that is still there when the time is up at once.
   *
   * @throws ShutdownError when the name is taken or the shutdown has begun.
   * @throws TypeError or RangeError for a bad name, worker or option.
   */
  registerWorker(name: string, worker: WorkerThread, options?: ShutdownCallbackOptions): Disposable {
    return this.#registrations.add(name, callbackRules, options, () => ({
      kind: "worker",
      ...followWorker(name, worker, this.#settings.clock, () => this.isShuttingDown),
    }));
  }

  /**
   * Adds all workers of `node:cluster`, also those forked later, to be ended in one turn, from the primary. A
   * shutdown that is installed in a worker is told to begin, as `registerWorker` does; a worker without one gets a
   * SIGTERM after a second. What is still there when the time is up is killed. Fork no new worker for one that
   * ends while `isShuttingDown`.
   *
   * @throws ShutdownError when the name is taken or the shutdown has begun.
   * @throws TypeError or RangeError for a bad name, cluster or option.
   */
  registerCluster(name: string, cluster: ClusterPrimary, options?: ShutdownCallbackOptions): Disposable {
    return this.#registrations.add(name, callbackRules, options, () => ({
      kind: "cluster",
      ...followCluster(cluster, this.#settings.clock, () => this.isShuttingDown),
    }));
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
    return this.#completion ?? this.#begin(reason, this.#settings);
  }

  /**
   * Waits for the end of the shutdown and keeps the process alive meanwhile. Resolves with `true` when it is
   * complete, with `false` when `timeout` comes first; rejects with `signal.reason` when that signal aborts.
   */
  async wait(options?: ShutdownWaitOptions): Promise<boolean> {
    const { timeout = FOREVER, signal } = resolveOptions("wait", waitRules, options);
    let settle = (_isComplete: boolean): void => {};
    const ended = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    const timer = this.#settings.clock.setTimer(() => settle(false), timeout);
    this.#waiting.add(settle);
    if (this.#isComplete) settle(true);
    try {
      return await runAbortable(() => ended, signal);
    } finally {
      this.#waiting.delete(settle);
      timer.cancel();
    }
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

  #begin(reason: string, settings: GracefulShutdownSettings): Promise<ShutdownReport> {
    this.#reason = reason;
    this.#registrations.close();
    // Another clock is a test's, and says nothing about when a thread hangs.
    if (settings.clock === realClock) this.#thread = startDeadlineThread(settings);
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
    this.#completion = runHooks(this.#registrations.hooks, reason, settings, onTurn, onResult).then(
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
    for (const settle of this.#waiting) settle(true);
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
