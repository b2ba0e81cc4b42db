import type { Snapshot } from "../kernel/component.js";

/**
 * The three questions of a supervisor: is it ready for traffic, should it be restarted, has it started?
 * Kubernetes asks them as `readinessProbe`, `livenessProbe` and `startupProbe`.
 */
export type HealthProbe = "readiness" | "liveness" | "startup";

/** `starting`: a start-up check has not passed yet; `draining`: `drainOn` has aborted. */
export type HealthStatus = "ok" | "failing" | "starting" | "draining";

/** The result of one check. */
export interface HealthCheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** How long it took, in seconds. */
  readonly seconds: number;
  /** Why it failed; may contain what only operators should read. */
  readonly message?: string;
  /** The `details` that the check returned: see `HealthCheckOutcome`. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The answer to one {@link HealthProbe}; frozen, JSON-serialisable. */
export interface HealthReport {
  readonly status: HealthStatus;
  /** The answer, 200 or 503 in HTTP. While draining `status` is the same for all probes, `ok` is not. */
  readonly ok: boolean;
  /** The checks that ran, in the order they were added; none while draining. */
  readonly checks: readonly HealthCheckResult[];
}

/** The events of {@link Health}. */
export interface HealthEvents {
  /** A check failed that had passed or was asked for the first time, or it passes again. */
  readonly change: HealthCheckResult;
}

/** The state of a {@link Health}. */
export interface HealthSnapshot extends Snapshot {
  readonly kind: "health";
  readonly isDraining: boolean;
  /** Whether every start-up check has passed once. */
  readonly isStarted: boolean;
  readonly checks: readonly {
    readonly name: string;
    /** The probes that run it. */
    readonly for: readonly HealthProbe[];
    /** Its last result; `null` before its first run. */
    readonly last: HealthCheckResult | null;
  }[];
}

/** What a report is made of. */
interface Facts {
  readonly isDraining: boolean;
  /** Whether all start-up checks have passed, of those that this answer is about. */
  readonly isStarted: boolean;
  readonly results: readonly HealthCheckResult[];
}

function report(status: HealthStatus, ok: boolean, results: readonly HealthCheckResult[]): HealthReport {
  return Object.freeze({ status, ok, checks: Object.freeze([...results]) });
}

/**
 * Answers a probe. A process that drains is alive and not ready: a restart would cut off the work that it is finishing,
 * and its end has a deadline already.
 */
export function answer(probe: HealthProbe, { isDraining, isStarted, results }: Facts): HealthReport {
  if (isDraining) return report("draining", probe === "liveness" || (probe === "startup" && isStarted), []);
  if (results.every(({ ok }) => ok)) return report("ok", true, results);
  return report(isStarted ? "failing" : "starting", false, results);
}
