import type { Component } from "../kernel/component.js";
import { configuredLayers } from "../kernel/configured.js";
import { Events, type Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { show } from "../kernel/show.js";
import { Course } from "./course.js";
import {
  checkDelay,
  type GracefulShutdownOptions,
  type ShutdownCallbackOptions,
  shutdownRules,
  type ShutdownWaitOptions,
  waitRules,
} from "./options.js";
import { Registrations } from "./registrations.js";
import type { ShutdownCallback, ShutdownEvents, ShutdownReport } from "./report.js";
import type { ClosableServer } from "./server-drain.js";
import { processListeners } from "./signals.js";
import type { ShutdownSnapshot } from "./snapshot.js";

/**
 * Ends a process in order: on SIGTERM or SIGINT, or when `trigger` is called, the registered callbacks run
 * one after the other, lower priority first, within one total time that also holds when a callback blocks
 * the thread.
 *
 * An installed shutdown does not keep the process alive; one in progress does, and so does `wait`. Several
 * installed at once all run, side by side, and the process ends when all of them are complete. It happens
 * once: a shutdown that has begun stays `isShuttingDown`.
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
  readonly #registrations = new Registrations();
  readonly #events = new Events<ShutdownEvents>("GracefulShutdown", ["begin", "callback", "complete"]);
  readonly #course: Course;
  #installed = false;

  /**
   * @throws TypeError for an unknown option or one of the wrong type.
   * @throws RangeError for an option out of range, or a `preStopDelay` that leaves no time for callbacks.
   */
  constructor(options?: GracefulShutdownOptions) {
    const layers = configuredLayers("shutdown", options);
    const settings = resolveOptions("GracefulShutdown", shutdownRules, options, layers);
    checkDelay(settings);
    this.#course = new Course(settings, this.#registrations, this.#events);
  }

  /** What snapshots and messages call it. */
  get name(): string {
    return this.#course.settings.name;
  }

  /** Whether the shutdown has begun; stays `true`. */
  get isShuttingDown(): boolean {
    return this.#course.begun;
  }

  /** Whether it listens to the signals. */
  get isInstalled(): boolean {
    return this.#installed;
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
   * Adds a server, to be drained in its turn: it accepts no more connections, responses in flight end with
   * `Connection: close`, connections that are idle or never sent a byte are closed. What remains when the
   * time is up is destroyed. Connections are followed from now on, so register before `listen`.
   *
   * @throws ShutdownError when the name is taken or the shutdown has begun.
   * @throws TypeError or RangeError for a bad name, server or option.
   */
  registerServer(name: string, server: ClosableServer, options?: ShutdownCallbackOptions): Disposable {
    return this.#registrations.addServer(name, server, options);
  }

  /**
   * Takes a callback or server away. Returns whether it was there; `false` once the shutdown has begun,
   * because its plan stands.
   */
  unregister(name: string): boolean {
    return this.#registrations.remove(name);
  }

  /**
   * Listens to the signals, beside whoever listens already; does nothing when it does so already. After a
   * signal the process ends with 128 + the signal's number when every callback is done, else with
   * `forceExitCode`; a second signal ends it at once, with 128 + its own number.
   */
  install(): void {
    if (this.#installed) return;
    this.#installed = true;
    processListeners.install(this.#course);
  }

  /** Stops listening and leaves the listeners of others as they are. A shutdown in progress goes on. */
  uninstall(): void {
    if (!this.#installed) return;
    this.#installed = false;
    processListeners.uninstall(this.#course);
  }

  /**
   * Begins the shutdown and resolves with its report; called again, it returns the same promise. Does not end
   * the process, unless a callback blocks the thread beyond the total time. Rejects for nothing but a
   * `reason` that is not a string, with a TypeError.
   */
  trigger(reason: string = "trigger"): Promise<ShutdownReport> {
    if (typeof reason !== "string") {
      return Promise.reject(new TypeError(`reason must be a string; got ${show(reason)}.`));
    }
    return this.#course.begin(reason);
  }

  /**
   * Waits for the end of the shutdown and keeps the process alive meanwhile. Resolves with `true` when it is
   * complete, with `false` when `timeout` comes first; rejects with `signal.reason` when that signal aborts.
   */
  async wait(options?: ShutdownWaitOptions): Promise<boolean> {
    const { timeout, signal } = resolveOptions("wait", waitRules, options);
    signal?.throwIfAborted();
    return this.#course.wait(timeout, signal);
  }

  /** What it is and does at this moment; frozen, JSON-serialisable. */
  snapshot(): ShutdownSnapshot {
    return this.#course.describe(this.#installed);
  }

  /** Runs the shutdown, then stops listening to the signals. What failed becomes a warning if nobody listens. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#course.dispose();
    this.uninstall();
  }
}
