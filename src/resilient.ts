import { CircuitBreaker } from "./circuit-breaker/circuit-breaker.js";
import { configuredLayers } from "./kernel/configured.js";
import { clockRule } from "./kernel/object-rules.js";
import { ownOptions } from "./kernel/options.js";
import { AdaptiveLimiter } from "./policies/adaptive-limiter/adaptive-limiter.js";
import { Bulkhead } from "./policies/bulkhead/bulkhead.js";
import { Fallback } from "./policies/fallback/fallback.js";
import { Hedge } from "./policies/hedge/hedge.js";
import type { AnyPolicy } from "./policies/pipeline/nest.js";
import { checked, Pipeline } from "./policies/pipeline/pipeline.js";
import { RetryBudget } from "./policies/retry/retry-budget.js";
import { Retry } from "./policies/retry/retry.js";
import { Timeout } from "./policies/timeout/timeout.js";
import { RateLimiter } from "./rate-limiter/rate-limiter.js";
import {
  nameRule,
  type PartOptions,
  partRules,
  type PartStats,
  readPart,
  type ResilientOptions,
  type ResilientParts,
} from "./resilient-options.js";

type PartName = keyof ResilientParts;

/** The options of a part as its class takes them. */
export type NamedOptions = PartOptions & { readonly name: string };

/** Where the parts of a pipeline come from. */
export interface PartSource {
  part(part: PartName, options: NamedOptions): AnyPolicy;
  retryBudget(name: string): RetryBudget;
}

const makers: { readonly [Name in PartName]: (options: NamedOptions) => AnyPolicy } = {
  fallback: (options) => new Fallback(options),
  totalTimeout: (options) => new Timeout(options),
  retry: (options) => new Retry(options),
  hedge: (options) => new Hedge(options),
  rateLimiter: (options) => new RateLimiter(options),
  circuitBreaker: (options) => new CircuitBreaker(options),
  bulkhead: (options) => new Bulkhead(options),
  adaptiveLimiter: (options) => new AdaptiveLimiter(options),
  timeout: (options) => new Timeout(options),
};

/** Makes new ones, with that clock unless they have their own. */
function constructors(clock: unknown): PartSource {
  const given = clock === undefined ? {} : { clock: clockRule.parse(clock, "clock") };
  return {
    part: (part, options) => makers[part]({ ...given, ...options }),
    retryBudget: (name) => new RetryBudget({ ...given, name }),
  };
}

/** A pipeline with its parts as properties. */
export type ResilientPipeline<Value, Names extends string> = Pipeline<Value> & {
  readonly [Name in Names & PartName]: ResilientParts<Value>[Name];
} & { readonly stats: Pick<PartStats, Names & PartName> };

/** A pipeline with the parts that it has as properties. */
export type PartedPipeline<Value> = Pipeline<Value> &
  Partial<ResilientParts<Value>> & { readonly stats: Partial<PartStats> };

/** Makes the pipeline of `resilient`; its parts come from `source`, or are new ones. */
export function makeResilient(method: string, given: object, source?: PartSource): PartedPipeline<unknown> {
  const rules = { name: nameRule, ...(source === undefined && { clock: clockRule }), ...partRules };
  const options = ownOptions(method, rules, given);
  const { name: givenName = nameRule.fallback, clock } = options;
  const from = source ?? constructors(clock);
  const name = nameRule.parse(givenName, "name");
  let budget: RetryBudget | undefined;
  const parts: [PartName, AnyPolicy][] = [];
  for (const key of Object.keys(partRules) as PartName[]) {
    if (options[key] === undefined) continue;
    const own = readPart(key, options[key]);
    if ("execute" in own) {
      parts.push([key, own]);
      continue;
    }
    // Two timeouts with the same name could not be told apart in errors.
    const all = { ...own, name: own.name ?? (key === "totalTimeout" ? `${name}-total` : name) };
    const spends = (key === "retry" || key === "hedge") && !hasBudget(key, all);
    const spending = spends ? { ...all, budget: (budget ??= from.retryBudget(name)) } : all;
    parts.push([key, from.part(key, spending)]);
  }
  const pipeline = new Pipeline(
    name,
    parts.map(([, part]) => part),
    parts.map(([key]) => key),
  );
  for (const [key, value] of parts) Object.defineProperty(pipeline, key, { value, enumerable: true });
  return pipeline;
}

function hasBudget(section: string, options: PartOptions): boolean {
  return [options, ...configuredLayers(section, options)].some(
    (layer) => Reflect.get(layer, "budget") !== undefined,
  );
}

/**
 * Combines policies from one set of options, in an order that works, outermost first: fallback, total timeout, retry,
 * hedge, rate limiter, circuit breaker, bulkhead, adaptive limiter, timeout of each attempt. A part is given by its
 * options, an instance that may be shared, a name in the configuration, or `true` for the defaults; parts not given are left
 * out. Retry and hedge share a {@link RetryBudget}, unless they have their own.
 *
 * @returns a policy that has its parts as properties: `api.circuitBreaker`. Where an option may be `undefined`, so may they.
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range, or names an
 * instance that is not there.
 * @example
 * ```ts
 * import { resilient } from "@kstlib/resilience";
 *
 * const api = resilient({
 *   name: "payment-api",
 *   fallback: { to: null },
 *   totalTimeout: "10s",
 *   retry: { attempts: 3 },
 *   circuitBreaker: { maxFailures: 5 },
 *   timeout: "2s",
 * });
 * const price = await api.execute(async ({ signal, attempt }) => ({ attempt, aborted: signal.aborted }));
 * console.assert(price?.attempt === 1 && api.circuitBreaker.state === "closed");
 * ```
 */
export function resilient<Value = never, const Names extends keyof ResilientOptions = never>(
  options: ResilientOptions<Value> & { readonly [Name in Names]: object | string | number | true },
): ResilientPipeline<Value, Names>;
export function resilient<Value = never>(options: ResilientOptions<Value>): PartedPipeline<Value>;
export function resilient(options: ResilientOptions): unknown {
  return checked(makeResilient("resilient", options));
}
