import { isPlainObject } from "../kernel/plain-object.js";
import { checkFunction } from "../kernel/policy.js";
import { show, unlike } from "../kernel/show.js";
import { disown, isThenable } from "../kernel/thenable.js";
import { warn } from "../kernel/warning.js";
import type { HealthCheckResult, HealthProbe } from "./report.js";

/** What a check function is given. */
export interface HealthCheckContext {
  /** Aborted at the timeout of the check and when the drain begins, to stop what the check has started. */
  readonly signal: AbortSignal;
}

/**
 * What a check can return, as an object literal, to say more than yes or no. Other return values, such as the rows of a
 * query, are never shown.
 */
export interface HealthCheckOutcome {
  /** Whether it passes. Default `true`. */
  readonly ok?: boolean;
  /** Why it does not pass; shown where error messages are. */
  readonly message?: string;
  /** A plain object that JSON can represent; every answer shows it, to anyone who can reach the port. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * A check of the application, synchronous or asynchronous. It fails when it returns `false` or an outcome that is not
 * `ok`, throws, rejects or takes too long, and passes otherwise, also when it returns nothing. A
 * {@link HealthCheckOutcome} adds details to the answer.
 *
 * @example
 * ```ts
 * import { Health } from "@kstlib/resilience";
 *
 * const health = new Health();
 * const queue = { waiting: 12, limit: 100 };
 * health.addCheck("queue", () => ({
 *   ok: queue.waiting < queue.limit,
 *   message: "the queue is full",
 *   details: { waiting: queue.waiting },
 * }));
 * const { checks } = await health.readiness();
 * console.assert(checks[0]?.details?.["waiting"] === 12);
 * ```
 */
export type HealthCheckFunction = (context: HealthCheckContext) => unknown;

/** A frozen copy of the details, so that they stay as they were when the check ended. */
function plainData(details: object): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(details), (_key, value: unknown) => Object.freeze(value)) as Readonly<
    Record<string, unknown>
  >;
}

/** Reads what a check has returned. */
export function readOutcome(returned: unknown): Pick<HealthCheckResult, "ok" | "message" | "details"> {
  if (returned === false) return { ok: false, message: "returned false" };
  // Results of drivers have classes of their own.
  if (!isPlainObject(returned)) return { ok: true };
  const { ok, message, details } = returned as Partial<HealthCheckOutcome>;
  // The check may be JavaScript, or pass on the answer of a database: `{ ok: 0 }`.
  const verdict =
    ok === undefined || ok
      ? { ok: true }
      : { ok: false, message: typeof message === "string" ? message : `returned ok: ${show(ok)}` };
  if (!isPlainObject(details)) return verdict;
  try {
    return { ...verdict, details: plainData(details) };
  } catch {
    return { ok: false, message: "its details cannot be written as JSON" };
  }
}

/** A circuit breaker: fails while it is open or isolated. Half-open passes: its probes need traffic. */
export interface CheckedCircuit {
  readonly state: "closed" | "open" | "half-open" | "isolated";
}

/** A watchdog, of this process or of a state file: fails from a timeout until the next ping. */
export interface CheckedWatchdog {
  readonly isTriggered: boolean;
}

/** A heartbeat: fails while it is not running, after a missed beat, and while its target is dead. */
export interface CheckedHeartbeat {
  readonly isRunning: boolean;
  snapshot(): { readonly lastError: string | null; readonly isTargetDead: boolean };
}

/** An HTTP client: fails while the circuit of one of its origins is open or isolated. */
export interface CheckedClient {
  stats(): Readonly<Record<string, { readonly circuit: string | undefined }>>;
}

/** What `addCheck` takes. A promise is for start-up only: it passes once it is fulfilled. */
export type HealthCheck =
  | HealthCheckFunction
  | CheckedCircuit
  | CheckedWatchdog
  | CheckedHeartbeat
  | CheckedClient
  | PromiseLike<unknown>;

const STATES: ReadonlySet<unknown> = new Set(["closed", "open", "half-open", "isolated"]);

const ALLOWED =
  "a function, a circuit breaker (it has a state), an HTTP client, a watchdog (isTriggered), a heartbeat (isRunning and snapshot()) or, for start-up, a promise";

function refuseOpen(state: string | undefined, of: string = ""): void {
  if (state === "open" || state === "isolated") throw new Error(`the circuit${of} is ${state}`);
}

function isClient(check: unknown): check is CheckedClient {
  return typeof Reflect.get(Object(check) as object, "stats") === "function";
}

/** The check of a component of this package, or of anything that looks like one; `undefined` for other objects. */
function componentCheck(
  check: CheckedCircuit | CheckedWatchdog | CheckedHeartbeat,
): HealthCheckFunction | undefined {
  if ("isTriggered" in check && typeof check.isTriggered === "boolean") {
    return () => {
      if (check.isTriggered) throw new Error("the watchdog has timed out");
    };
  }
  if ("isRunning" in check && typeof check.isRunning === "boolean" && typeof check.snapshot === "function") {
    return () => {
      if (!check.isRunning) throw new Error("the heartbeat is not running");
      const { lastError, isTargetDead } = check.snapshot();
      if (typeof lastError === "string") throw new Error(lastError);
      if (isTargetDead) throw new Error("the heartbeat's target is dead");
    };
  }
  if ("state" in check && STATES.has(check.state)) {
    return () => refuseOpen(check.state);
  }
  return undefined;
}

/** Follows a promise, so that a probe is answered at once instead of waiting for it. */
function settled(name: string, promise: PromiseLike<unknown>): () => void {
  let look = (): void => {
    throw new Error("has not finished yet");
  };
  const follow = async (): Promise<void> => {
    try {
      await promise;
      look = () => {};
    } catch (error) {
      look = () => {
        throw error;
      };
      // The rejection counts as handled: without a warning it would go unnoticed.
      warn("KSTLIB_STARTUP_FAILED", `start-up check ${name} failed`, error);
    }
  };
  void follow();
  return () => look();
}

/**
 * The check as a function.
 *
 * @throws TypeError for anything else, and for a promise that is not only for start-up.
 */
export function checkFunctionOf(
  name: string,
  check: HealthCheck,
  probes: readonly HealthProbe[],
): HealthCheckFunction {
  // Before functions, of which it is one.
  if (isClient(check)) {
    return () => {
      for (const [origin, { circuit }] of Object.entries(check.stats())) refuseOpen(circuit, ` of ${origin}`);
    };
  }
  if (typeof check === "function") {
    checkFunction(check, "a health check");
    return check;
  }
  if (typeof check === "object" && check !== null) {
    if (isThenable(check)) {
      if (probes.join() === "startup") return settled(name, check);
      disown(check);
      throw new TypeError(
        'a promise is a check of start-up alone: give { for: "startup" }, or a function that returns a promise.',
      );
    }
    const known = componentCheck(check);
    if (known !== undefined) return known;
  }
  throw new TypeError(unlike(`the check ${JSON.stringify(name)}`, ALLOWED, check));
}
