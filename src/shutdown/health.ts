import type { Clock } from "../kernel/clock.js";
import { disposable } from "../kernel/disposable.js";
import { resolveOptions } from "../kernel/options.js";
import { text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { CheckRun } from "./check-run.js";
import { ShutdownError } from "./errors.js";
import { checkFunctionOf, type HealthCheck } from "./health-check.js";
import { checkRules, type HealthCheckOptions } from "./health-options.js";
import { answer, type HealthCheckResult, type HealthProbe, type HealthReport } from "./health-report.js";

interface Entry {
  readonly name: string;
  readonly probes: readonly HealthProbe[];
  readonly run: CheckRun;
  /** What it said when it passed as a check of start-up: that is asked once. */
  passed?: HealthCheckResult;
}

const NONE: ReadonlySet<string> = new Set();

/** The checks of a process and what they come to. */
export class Health {
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #draining: AbortSignal;
  #entries: readonly Entry[] = [];

  /**
   * @param timeout of a check that has none of its own, in milliseconds.
   * @param draining aborted when the shutdown begins; no check is asked from then on.
   */
  constructor(clock: Clock, timeout: number, draining: AbortSignal) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#draining = draining;
  }

  /** Adds a check; disposing of the result takes it away again. */
  add(name: string, check: HealthCheck, options: HealthCheckOptions | undefined): Disposable {
    text(undefined).parse(name, "name");
    const { for: probes, timeout = this.#timeout } = resolveOptions("addCheck", checkRules, options);
    if (this.#entries.some((other) => other.name === name)) {
      throw new ShutdownError(
        "ERR_SHUTDOWN_DUPLICATE",
        `a check ${show(name)} is there already; use another name, or dispose of it first.`,
      );
    }
    const run = new CheckRun(
      name,
      checkFunctionOf(name, check, probes),
      timeout,
      this.#clock,
      this.#draining,
    );
    const entry: Entry = { name, probes, run };
    this.#entries = [...this.#entries, entry];
    return disposable(() => {
      this.#entries = this.#entries.filter((other) => other !== entry);
    });
  }

  /**
   * Asks the checks of a probe, all at once; never rejects. Readiness comes after start-up: until that is over,
   * its checks are asked alone.
   *
   * @param excluded names of checks that are not asked.
   */
  async report(probe: HealthProbe, excluded: ReadonlySet<string> = NONE): Promise<HealthReport> {
    let results: readonly HealthCheckResult[] = [];
    if (probe !== "liveness") results = await this.#ask("startup", excluded);
    const starting = results.some(({ ok }) => !ok);
    if (probe !== "startup" && !starting) results = await this.#ask(probe, excluded);
    return answer(probe, {
      draining: this.#draining.aborted,
      started: this.#draining.aborted ? this.#isStarted() : !starting,
      results,
    });
  }

  #isStarted(): boolean {
    return this.#entries.every(({ probes, passed }) => !probes.includes("startup") || passed !== undefined);
  }

  #ask(probe: HealthProbe, excluded: ReadonlySet<string>): Promise<readonly HealthCheckResult[]> {
    const asked = this.#entries.filter(({ name, probes }) => probes.includes(probe) && !excluded.has(name));
    return Promise.all(asked.map((entry) => (probe === "startup" ? startUp(entry) : entry.run.result())));
  }
}

async function startUp(entry: Entry): Promise<HealthCheckResult> {
  if (entry.passed !== undefined) return entry.passed;
  const result = await entry.run.result();
  if (result.ok) entry.passed = result;
  return result;
}
