import { realClock } from "../kernel/clock.js";
import type { Component } from "../kernel/component.js";
import { tellMade } from "../kernel/configured.js";
import { Events, type Listener } from "../kernel/events.js";
import { changeSettings, resolveOptions } from "../kernel/options.js";
import { checkFunction } from "../kernel/policy.js";
import { Printed } from "../kernel/printed.js";
import { show } from "../kernel/show.js";
import { type ClusterPrimary, trackCluster } from "./members/cluster-workers.js";
import { canStartDeadlineThread } from "./deadline-thread.js";
import { trackWorker, type WorkerThread } from "./members/worker-thread.js";
import {
  checkDelay,
  type GracefulShutdownOptions,
  type GracefulShutdownSettings,
  liveRules,
  type OnSecondSignal,
  type ShutdownChanges,
  shutdownRules,
  type ShutdownSignal,
} from "./options.js";
import {
  callbackRules,
  serverRules,
  type ShutdownCallbackOptions,
  type ShutdownServerOptions,
} from "./registration-options.js";
import { Registrations } from "./registrations.js";
import type { ShutdownCallback, ShutdownEvents, ShutdownReport } from "./report.js";
import { trackServer } from "./servers/drain.js";
import type { ClosableServer } from "./servers/frameworks.js";
import { ShutdownRun } from "./shutdown-run.js";
import { install, isInstalled, uninstall } from "./signals.js";
import type { ShutdownSnapshot } from "./snapshot.js";
import type { ShutdownWaitOptions } from "./wait.js";

/**
 * Ends a process in an orderly way: on SIGTERM or SIGINT, or when `trigger` is called, the registered callbacks run one
 * after the other, lower priority first, within one total time that is enforced even if a callback blocks the thread.
 *
 * An installed shutdown does not keep the process alive; one in progress does, and so does `wait`. Several installed
 * shutdowns run side by side, and the process ends when all of them are complete. A shutdown runs once: it stays
 * `isShuttingDown`. Copies of the first signal and another SIGTERM change nothing; a later Ctrl-C ends the process at
 * once. While a callback blocks the thread, signals are not handled, but the total time is enforced, and a signal
 * without a listener, such as SIGQUIT (Ctrl-\), ends the process at once, unless it is process 1.
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
export class GracefulShutdown extends Printed implements Component, AsyncDisposable {
  #settings: GracefulShutdownSettings;
  readonly #events: Events<ShutdownEvents>;
  readonly #registrations = new Registrations();
  readonly #run: ShutdownRun;

  constructor(options?: GracefulShutdownOptions) {
    super();
    const settings = resolveOptions("GracefulShutdown", shutdownRules, options, "shutdown");
    checkDelay(settings);
    this.#settings = settings;
    const source = { kind: "shutdown", name: settings.name } as const;
    this.#events = new Events("GracefulShutdown", ["begin", "callback", "complete"], source);
    this.#run = new ShutdownRun(settings, this.#registrations, this.#events);
    tellMade(this, "shutdown", options);
  }

  /** Its name in snapshots and messages. */
  get name(): string {
    return this.#settings.name;
  }

  /** The total time of a shutdown, in seconds. */
  get timeout(): number {
    return this.#settings.timeout / 1000;
  }

  /** How long to keep serving after the shutdown has begun, in seconds. */
  get preStopDelay(): number {
    return this.#settings.preStopDelay / 1000;
  }

  /** The part of the remaining time that a server, thread or cluster leaves to the callbacks after it: 0 to 0.9. */
  get reserve(): number {
    return this.#settings.reserve;
  }

  /** The signals that begin a shutdown. */
  get signals(): readonly ShutdownSignal[] {
    return this.#settings.signals;
  }

  /** How long further signals count as copies of the first, in seconds. */
  get repeatGrace(): number {
    return this.#settings.repeatGrace / 1000;
  }

  /** What a later signal means. */
  get onSecondSignal(): OnSecondSignal {
    return this.#settings.onSecondSignal;
  }

  /** The exit code when a callback failed, timed out or was skipped. */
  get forceExitCode(): number {
    return this.#settings.forceExitCode;
  }

  /** Whether the process ends once the shutdown that a signal began is complete. */
  get exitOnSignal(): boolean {
    return this.#settings.exitOnSignal;
  }

  /** Whether an uncaught error begins a shutdown. */
  get handleUncaught(): boolean {
    return this.#settings.handleUncaught;
  }

  /** Whether the shutdown has begun; stays `true`. */
  get isShuttingDown(): boolean {
    return this.#run.hasBegun;
  }

  /** Whether it listens to the signals. */
  get isInstalled(): boolean {
    return isInstalled(this.#run);
  }

  /** Aborts when the shutdown begins, with a `ShutdownError` as its reason. */
  get signal(): AbortSignal {
    return this.#run.signal;
  }

  /** Adds a listener; disposing of the result removes it. */
  on<Name extends keyof ShutdownEvents>(name: Name, listener: Listener<ShutdownEvents[Name]>): Disposable {
    return this.#events.on(name, listener);
  }

  /**
   * Adds a callback. Disposing of the result removes it, as `unregister` does.
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
   * Adds a server, to be drained in its turn: it accepts no more connections, responses end with `Connection: close`,
   * HTTP/2 sessions and WebSockets are told to close. An HTTP connection without a request is closed after `idleGrace`,
   * one whose request stays incomplete at most 2 s later; a WebSocket that does not close is terminated after 2 s, a
   * body or tunnel without traffic is cut off after 5 s; connections that are left when the time is up are destroyed.
   * The result's `cut` counts those that were cut off.
   *
   * Accepts a server of Node, the result of `listen` of Express or Koa, and a framework around a server: Fastify, a
   * Nest application, socket.io, ws. A framework's own `close` is called once during the drain; hooks of Fastify and
   * Nest that release resources of requests run after the last response. May be called before or after `listen`, but
   * tracks connections from this call on. Throws like `register`.
   */
  registerServer(name: string, server: ClosableServer, options?: ShutdownServerOptions): Disposable {
    return this.#registrations.add(name, serverRules, options, ({ idleGrace }) => ({
      kind: "server",
      ...trackServer(server, this.#settings.clock, idleGrace),
    }));
  }

  /**
   * Adds a worker thread, to be ended in its turn, because only the main thread receives signals. A shutdown that is
   * installed in the thread is told to begin, and the thread ends after it. A thread without one is terminated after a
   * second, and any thread when the time is up. Throws like `register`.
   */
  registerWorker(name: string, worker: WorkerThread, options?: ShutdownCallbackOptions): Disposable {
    return this.#registrations.add(name, callbackRules, options, () => ({
      kind: "worker",
      ...trackWorker(name, worker, this.#settings.clock, () => this.isShuttingDown),
    }));
  }

  /**
   * Adds, in the primary, all workers of `node:cluster`, to be ended in one turn. A shutdown that is installed in a
   * worker is told to begin; a worker without one is sent SIGTERM after a second. Workers that are left when the time
   * is up are killed. Do not fork a new worker while `isShuttingDown`. If the primary itself is killed, Node ends its
   * workers at once, without their callbacks. Throws like `register`.
   */
  registerCluster(name: string, cluster: ClusterPrimary, options?: ShutdownCallbackOptions): Disposable {
    return this.#registrations.add(name, callbackRules, options, () => ({
      kind: "cluster",
      ...trackCluster(cluster, this.#settings.clock, () => this.isShuttingDown),
    }));
  }

  /**
   * Removes the registration of that name. Returns whether there was one; `false` once the shutdown has begun, because
   * then nothing can be changed.
   */
  unregister(name: string): boolean {
    return this.#registrations.remove((hook) => hook.name === name);
  }

  /**
   * Listens to the signals, beside other listeners; a second call does nothing. After a
   * signal the process ends with 128 + the signal's number when every callback is done, else with
   * `forceExitCode`; a later SIGINT ends it at once, with 128 + its own number (see `onSecondSignal`).
   */
  install(): void {
    install(this.#run);
    // With another clock there is no deadline thread.
    if (this.#settings.clock === realClock) canStartDeadlineThread();
  }

  /**
   * Changes options of a shutdown that has not begun; one that has begun keeps its options.
   *
   * @throws TypeError or RangeError that names the option, or the options that contradict each other.
   */
  update(changes: ShutdownChanges): void {
    const settings = changeSettings(liveRules, this.#settings, changes);
    checkDelay(settings);
    this.#settings = settings;
    if (!this.isShuttingDown) this.#run.settings = settings;
  }

  /** Stops listening to the signals; other listeners stay. A shutdown in progress continues. */
  uninstall(): void {
    uninstall(this.#run);
  }

  /**
   * Begins the shutdown and resolves with its report; called again, it returns the same promise. Does not end
   * the process, unless a callback blocks the thread beyond the total time. A callback that awaits it waits
   * for itself until its time is up. Rejects only when `reason` is not a string, with a TypeError.
   */
  trigger(reason: string = "trigger"): Promise<ShutdownReport> {
    if (typeof reason !== "string") {
      return Promise.reject(new TypeError(`reason must be a string; got ${show(reason)}.`));
    }
    return this.#run.begin(reason);
  }

  /**
   * Waits for the end of the shutdown and keeps the process alive meanwhile. Resolves with `true` when it is
   * complete, with `false` when `timeout` comes first; rejects with `signal.reason` when that signal aborts.
   */
  wait(options?: ShutdownWaitOptions): Promise<boolean> {
    return this.#run.wait(options);
  }

  /** The current state as a frozen object that JSON can hold. */
  snapshot(): ShutdownSnapshot {
    return this.#run.snapshot(this.isInstalled);
  }

  /** Runs the shutdown, then stops listening to the signals. Without a listener, failures become warnings. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run.finish("dispose");
    this.uninstall();
  }
}
