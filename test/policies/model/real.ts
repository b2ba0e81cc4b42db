import { getEventListeners } from "node:events";
import { CircuitBreaker } from "../../../src/circuit-breaker/circuit-breaker.js";
import { CircuitOpenError } from "../../../src/circuit-breaker/errors.js";
import type { ExecutionContext } from "../../../src/kernel/context.js";
import { Chaos } from "../../../src/policies/chaos/chaos.js";
import { Fallback } from "../../../src/policies/fallback/fallback.js";
import { Hedge } from "../../../src/policies/hedge/hedge.js";
import type { AnyPolicy } from "../../../src/policies/pipeline/nest.js";
import { pipeline } from "../../../src/policies/pipeline/pipeline.js";
import { RetryBudget } from "../../../src/policies/retry/retry-budget.js";
import { Retry } from "../../../src/policies/retry/retry.js";
import { SingleFlight } from "../../../src/policies/single-flight/single-flight.js";
import { TimeoutExceededError } from "../../../src/policies/timeout/errors.js";
import { Timeout } from "../../../src/policies/timeout/timeout.js";
import { RateLimitExceededError } from "../../../src/rate-limiter/errors.js";
import { RateLimiter } from "../../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../../src/testing/index.js";
import type { Invocation, Report, Settled } from "./interpreter.js";
import { type Scenario, type Script, scriptOf, type Spec } from "./scenario.js";

const LONG = 1e7;

function makePolicy(spec: Spec, name: string, clock: ManualClock, budget: RetryBudget): AnyPolicy {
  const own = { name, clock };
  const seconds = (milliseconds: number): number => milliseconds / 1000;
  switch (spec.kind) {
    case "timeout":
      return new Timeout({ ...own, timeout: seconds(spec.timeout) });
    case "retry":
      return new Retry({
        ...own,
        attempts: spec.attempts,
        delay: {
          initial: seconds(spec.initial),
          factor: spec.factor,
          max: seconds(spec.max),
          jitter: "none",
        },
        maxDuration: spec.maxDuration === Infinity ? undefined : seconds(spec.maxDuration),
        onOpen: spec.waitsForOpen ? "wait" : "stop",
        budget: spec.hasBudget ? budget : undefined,
      });
    case "hedge":
      return new Hedge({
        ...own,
        delay: seconds(spec.delay),
        maxHedges: spec.maxHedges,
        budget: spec.hasBudget ? budget : undefined,
      });
    case "fallback": {
      const lastGood = spec.maxAge === undefined ? undefined : { maxAge: seconds(spec.maxAge) };
      return new Fallback({ ...own, to: spec.to, lastGood });
    }
    case "breaker":
      return new CircuitBreaker({
        ...own,
        maxFailures: spec.maxFailures,
        resetTimeout: seconds(spec.resetTimeout),
      });
    case "limiter":
      return new RateLimiter({
        ...own,
        rate: 1,
        per: seconds(spec.interval),
        burst: spec.burst,
        maxQueue: spec.maxQueue,
      });
    case "single-flight":
      return new SingleFlight({ name });
    case "chaos": {
      let calls = 0;
      return new Chaos<never>({
        ...own,
        enabled: true,
        rate: 0.5,
        random: () => (++calls % spec.every === 0 ? 0 : 1),
        latency: spec.latency === 0 ? undefined : seconds(spec.latency),
        error: spec.isError || spec.latency === 0 ? new Error("chaos") : undefined,
      });
    }
  }
}

function labelOf(reason: unknown): string {
  if (reason instanceof TimeoutExceededError)
    return reason.message.replace(/^timeout "(.*)" was.*$/, "timeout $1");
  if (reason instanceof CircuitOpenError) return "open";
  if (reason instanceof RateLimitExceededError) return "limit";
  return reason instanceof Error ? reason.message : String(reason);
}

function errorOf({ end, retryAfter }: Script, number: number): Error {
  if (end === "mistaken") return new RangeError(`${end} ${number}`);
  const error = new Error(`${end} ${number}`);
  return end === "busy" ? Object.assign(error, { retryAfter: retryAfter / 1000 }) : error;
}

/** What is left of calls that have all ended, by what it is; nothing, if all is well. */
function leftovers(
  policies: readonly AnyPolicy[],
  budget: RetryBudget,
  clock: ManualClock,
  signals: readonly AbortSignal[],
): readonly string[] {
  const found: [string, number][] = [
    ["timers", clock.pendingTimers],
    ["listeners", signals.reduce((sum, signal) => sum + getEventListeners(signal, "abort").length, 0)],
    ["calls of the budget", budget.snapshot().running],
    ["extra attempts of the budget", budget.snapshot().extraRunning],
  ];
  for (const policy of policies) {
    const { name = "" } = policy;
    if (policy instanceof CircuitBreaker) {
      const { totalCalls, successfulCalls, failedCalls, rejectedCalls, ignoredCalls } = policy.stats;
      found.push([
        `${name} permits`,
        totalCalls - successfulCalls - failedCalls - rejectedCalls - ignoredCalls,
      ]);
    } else if (policy instanceof RateLimiter) found.push([`${name} queued`, policy.stats.queued]);
    else if ("running" in policy) found.push([`${name} running`, Number(policy.running)]);
    const ended = Object.entries((policy as { stats?: object }).stats ?? {});
    for (const [key, value] of ended) if (Number(value) < 0) found.push([`${name} ${key}`, Number(value)]);
  }
  return found.filter(([, count]) => count !== 0).map(([what, count]) => `${what}: ${count}`);
}

/** What the policies make of the calls of a scenario, on a manual clock. */
export async function perform(scenario: Scenario): Promise<Report & { readonly left: readonly string[] }> {
  const clock = new ManualClock();
  // So long that nothing leaves the window.
  const { floor, ratio } = scenario.budget;
  const budget = new RetryBudget({ clock, ratio, window: "1000h", minPerSecond: floor / 3_600_000 });
  const policies = scenario.policies.map((spec, index) =>
    makePolicy(spec, `${spec.kind}-${index}`, clock, budget),
  );
  const [first, ...others] = policies;
  if (first === undefined) throw new Error("a scenario without a policy");
  const api = pipeline(first, ...others);

  const invocations: Invocation[] = [];
  const work = ({ signal, attempt, remaining }: ExecutionContext): string | Promise<string> => {
    const number = invocations.length;
    invocations.push({ at: clock.now(), attempt, remaining: remaining * 1000 });
    const script = scriptOf(scenario, number);
    const isGood = script.end === "well";
    if (script.latency === 0) {
      if (isGood) return `${script.end} ${number}`;
      throw errorOf(script, number);
    }
    return new Promise((resolve, reject) => {
      const end = (): void => (isGood ? resolve(`${script.end} ${number}`) : reject(errorOf(script, number)));
      if (!script.heeds) {
        clock.setTimer(end, script.latency);
        return;
      }
      const abort = (): void => {
        timer.cancel();
        reject(signal.reason);
      };
      const timer = clock.setTimer(() => {
        signal.removeEventListener("abort", abort);
        end();
      }, script.latency);
      signal.addEventListener("abort", abort, { once: true });
    });
  };

  const settled: Settled[][] = [];
  const controllers: AbortController[] = [];
  const advanceTo = (time: number): Promise<void> => clock.advance(Math.max(0, time - clock.now()) / 1000);
  for (const action of scenario.actions) {
    await advanceTo(action.at);
    if (action.do === "freeze") clock.sleepSync(action.length);
    else if (action.do === "abort") controllers[action.call]?.abort("aborted");
    else {
      const { call, remaining } = action;
      const ends: Settled[] = (settled[call] = []);
      const end = (label: unknown): unknown => ends.push({ label: String(label), at: clock.now() });
      const controller = (controllers[call] = new AbortController());
      const signal = scenario.haveSignals ? controller.signal : undefined;
      const options = { signal, remaining: remaining === undefined ? undefined : remaining / 1000 };
      void api.execute(work, options).then(end, (reason: unknown) => end(labelOf(reason)));
    }
    await clock.advance(0);
  }
  await advanceTo(LONG);
  const signals = controllers.map(({ signal }) => signal);
  return { settled, invocations, left: leftovers(policies, budget, clock, signals) };
}
