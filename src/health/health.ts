import type { Component } from "../kernel/component.js";
import { disposable } from "../kernel/disposable.js";
import { Events, type Listener } from "../kernel/events.js";
import { tellMade } from "../kernel/configured.js";
import { changeSettings, resolveOptions } from "../kernel/options.js";
import { Printed } from "../kernel/printed.js";
import { text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { CheckRun } from "./check-run.js";
import { checkFunctionOf, type HealthCheck } from "./check.js";
import { HealthError } from "./errors.js";
import { healthHandler, type HealthHandler } from "./handler.js";
import {
  checkRules,
  type HealthChanges,
  type HealthCheckOptions,
  type HealthHandlerOptions,
  type HealthOptions,
  healthRules,
  type HealthSettings,
  liveRules,
} from "./options.js";
import {
  answer,
  type HealthCheckResult,
  type HealthEvents,
  type HealthProbe,
  type HealthReport,
  type HealthSnapshot,
} from "./report.js";

interface Entry {
  readonly name: string;
  readonly probes: readonly HealthProbe[];
  readonly run: CheckRun;
  /** Its last result. */
  last?: HealthCheckResult;
  /** Its result when it passed as a start-up check: then it is not asked again. */
  passed?: HealthCheckResult;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Answers the health probes of a supervisor or load balancer: has the process started, is it alive, is it ready for
 * traffic? Checks run when a probe comes, never in the background: nothing has to be started or stopped.
 *
 * After `drainOn` has aborted no check runs; the process is alive and not ready.
 *
 * @throws TypeError for an unknown option or one of the wrong type.
 * @throws RangeError for an option out of range.
 * @example
 * ```ts
 * import http from "node:http";
 * import { CircuitBreaker, GracefulShutdown, Health } from "@kstlib/resilience";
 *
 * const shutdown = new GracefulShutdown({ preStopDelay: 0.1 });
 * const health = new Health({ drainOn: shutdown.signal });
 * const database = new CircuitBreaker({ name: "database" });
 * health.addCheck("database", database);
 * health.addCheck("migrations", Promise.resolve("done"), { for: "startup" });
 *
 * const server = http.createServer(health.handler()).listen(0);
 * shutdown.registerServer("health", server, { priority: 1000 });
 *
 * console.assert((await health.readiness()).ok);
 * database.isolate();
 * console.assert((await health.readiness()).status === "failing");
 * await shutdown.trigger("example");
 * ```
 */
export class Health extends Printed implements Component {
  #settings: HealthSettings;
  readonly #events: Events<HealthEvents>;
  readonly #draining: AbortSignal;
  #entries: readonly Entry[] = [];

  constructor(options?: HealthOptions) {
    super();
    this.#settings = resolveOptions("Health", healthRules, options, "health");
    const source = { kind: "health", name: this.#settings.name } as const;
    this.#events = new Events("Health", ["change"], source);
    this.#draining = this.#settings.drainOn ?? new AbortController().signal;
    tellMade(this, "health", options);
  }

  /** The name in snapshots and messages. */
  get name(): string {
    return this.#settings.name;
  }

  /** How long a check may take that has no `timeout` of its own, in seconds. */
  get checkTimeout(): number {
    return this.#settings.checkTimeout / 1000;
  }

  /** Whether `drainOn` has aborted. */
  get isDraining(): boolean {
    return this.#draining.aborted;
  }

  /** Adds a listener of `change`; disposing of the result removes it. */
  on<Name extends keyof HealthEvents>(name: Name, listener: Listener<HealthEvents[Name]>): Disposable {
    return this.#events.on(name, listener);
  }

  /**
   * Adds a check; disposing of the result removes it. Probes at the same time share one run. A run that takes longer
   * than its timeout fails, and no other one begins beside it for ten timeouts.
   *
   * @throws HealthError if there is a check of that name.
   * @throws TypeError or RangeError for a bad name, check or option.
   */
  addCheck(name: string, check: HealthCheck, options?: HealthCheckOptions): Disposable {
    text(undefined).parse(name, "name");
    const { for: probes, timeout: own } = resolveOptions("addCheck", checkRules, options);
    if (this.#entries.some((other) => other.name === name)) {
      throw new HealthError(
        "ERR_HEALTH_DUPLICATE",
        `there is already a check ${show(name)}; use another name, or dispose of it first.`,
      );
    }
    const ask = checkFunctionOf(name, check, probes);
    const timeout = (): number => own ?? this.#settings.checkTimeout;
    const { clock } = this.#settings;
    const run = new CheckRun({ name, check: ask, timeout, clock, stop: this.#draining });
    const entry: Entry = { name, probes, run };
    this.#entries = [...this.#entries, entry];
    return disposable(() => {
      this.#entries = this.#entries.filter((other) => other !== entry);
    });
  }

  /**
   * Changes how long a check may take that has no `timeout` of its own; a run under way keeps its time.
   *
   * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
   */
  update(changes: HealthChanges): void {
    this.#settings = changeSettings(liveRules, this.#settings, changes);
  }

  /** Whether it is ready for traffic: started, not draining, every readiness check passes. Never rejects. */
  readiness(): Promise<HealthReport> {
    return this.#report("readiness");
  }

  /** Whether it is alive: every liveness check passes, or it is draining. Never rejects. */
  liveness(): Promise<HealthReport> {
    return this.#report("liveness");
  }

  /** Whether it has started: every start-up check has passed once. Never rejects. */
  startup(): Promise<HealthReport> {
    return this.#report("startup");
  }

  /**
   * Makes a request listener for `/livez`, `/readyz` and `/startupz`: 200 or 503 with the report as JSON, or as
   * text with `?verbose`; `?exclude=name` leaves a check out. While draining, `/readyz` is 503 and `/livez` 200: a
   * separate server, registered with the shutdown so that it closes last, answers to the end.
   *
   * @throws TypeError or RangeError for a bad option.
   */
  handler(options?: HealthHandlerOptions): HealthHandler {
    return healthHandler((probe, excluded) => this.#report(probe, excluded), options);
  }

  /** The current state, without running a check; frozen, JSON-serialisable. */
  snapshot(): HealthSnapshot {
    const checks = this.#entries.map(({ name, probes, last = null }) =>
      Object.freeze({ name, for: probes, last }),
    );
    return Object.freeze({
      kind: "health",
      name: this.name,
      isDraining: this.isDraining,
      isStarted: this.#isStarted(),
      checks: Object.freeze(checks),
    });
  }

  /**
   * Runs the checks of a probe, all at once; never rejects. Until start-up is over, readiness runs the start-up checks
   * only.
   *
   * @param excluded names of checks that are left out.
   */
  async #report(probe: HealthProbe, excluded: ReadonlySet<string> = NONE): Promise<HealthReport> {
    let results: readonly HealthCheckResult[] = [];
    if (probe !== "liveness") results = await this.#ask("startup", excluded);
    const isStarting = results.some(({ ok }) => !ok);
    if (probe !== "startup" && !isStarting) results = await this.#ask(probe, excluded);
    const { isDraining } = this;
    const isStarted = isDraining ? this.#isStarted() : !isStarting;
    return answer(probe, { isDraining, isStarted, results });
  }

  #isStarted(): boolean {
    return this.#entries.every(({ probes, passed }) => !probes.includes("startup") || passed !== undefined);
  }

  #ask(probe: HealthProbe, excluded: ReadonlySet<string>): Promise<readonly HealthCheckResult[]> {
    const asked = this.#entries.filter(({ name, probes }) => probes.includes(probe) && !excluded.has(name));
    return Promise.all(asked.map((entry) => this.#resultOf(entry, probe)));
  }

  async #resultOf(entry: Entry, probe: HealthProbe): Promise<HealthCheckResult> {
    if (probe === "startup" && entry.passed !== undefined) return entry.passed;
    const result = await entry.run.result();
    if (probe === "startup" && result.ok) entry.passed = result;
    // A result that the drain has cut short says nothing about the check; a check may also have been removed.
    if (this.isDraining || entry.last === result || !this.#entries.includes(entry)) return result;
    const wasOk = entry.last?.ok ?? true;
    entry.last = result;
    if (result.ok !== wasOk) this.#events.emit("change", result);
    return result;
  }
}
