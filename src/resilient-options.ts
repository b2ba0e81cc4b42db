import type { CircuitBreaker } from "./circuit-breaker/circuit-breaker.js";
import { type CircuitBreakerOptions, circuitBreakerRules } from "./circuit-breaker/options.js";
import type { Clock } from "./kernel/clock.js";
import type { Meanings, SectionDescriptor, SectionRules } from "./kernel/descriptor.js";
import { DURATION_PATTERN } from "./kernel/duration.js";
import { kindOf } from "./kernel/kind-of.js";
import { checkNames } from "./kernel/named.js";
import { checkOptions } from "./kernel/options.js";
import { isPlainObject } from "./kernel/plain-object.js";
import { custom, fileFields, type FileShape, type Rule, text } from "./kernel/rules.js";
import { unlike } from "./kernel/show.js";
import { toSnakeCase } from "./kernel/snake-case.js";
import type { AdaptiveLimiter } from "./policies/adaptive-limiter/adaptive-limiter.js";
import { type AdaptiveLimiterOptions, adaptiveLimiterRules } from "./policies/adaptive-limiter/options.js";
import type { Bulkhead } from "./policies/bulkhead/bulkhead.js";
import { type BulkheadOptions, bulkheadRules } from "./policies/bulkhead/options.js";
import type { Fallback } from "./policies/fallback/fallback.js";
import { type FallbackOptions, fallbackRules } from "./policies/fallback/options.js";
import type { Hedge } from "./policies/hedge/hedge.js";
import { type HedgeOptions, hedgeRules } from "./policies/hedge/options.js";
import type { AnyPolicy } from "./policies/pipeline/nest.js";
import type { BudgetOption } from "./policies/retry/budget-option.js";
import { type RetryOptions, retryRules } from "./policies/retry/options.js";
import type { Retry } from "./policies/retry/retry.js";
import { type TimeoutOptions, timeoutRules } from "./policies/timeout/options.js";
import type { Timeout } from "./policies/timeout/timeout.js";
import { type RateLimiterOptions, rateLimiterRules } from "./rate-limiter/options.js";
import type { RateLimiter } from "./rate-limiter/rate-limiter.js";

/** The parts that `resilient` can have, by name. */
export interface ResilientParts<Value = unknown> {
  readonly fallback: Fallback<Value>;
  readonly totalTimeout: Timeout;
  readonly retry: Retry;
  readonly hedge: Hedge;
  readonly rateLimiter: RateLimiter;
  readonly circuitBreaker: CircuitBreaker;
  readonly bulkhead: Bulkhead;
  readonly adaptiveLimiter: AdaptiveLimiter;
  readonly timeout: Timeout;
}

/** The `stats` of the parts, by name. */
export type PartStats = { readonly [Name in keyof ResilientParts]: ResilientParts[Name]["stats"] };

/**
 * A part of `resilient`: an instance, which may be shared; the options of a new one; a name in the configuration; or `true`
 * for the defaults.
 */
export type Part<Instance, Options> = Instance | Options | string | true | undefined;

/** Options of `resilient`: its name, and its parts, outermost first. Parts not given are left out. */
export interface ResilientOptions<Value = unknown> {
  /** Names the pipeline, and its parts unless they have names of their own. Default `"resilient"`. */
  readonly name?: string | undefined;
  /** The source of time of all parts that are not instances and have none of their own. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** What the caller gets in place of a failure. */
  readonly fallback?: Fallback<Value> | FallbackOptions<Value> | string | undefined;
  /** How long a call may take in total, all attempts and delays included; may be a duration. */
  readonly totalTimeout?: Part<Timeout, TimeoutOptions> | number;
  /** Calls the function again when it fails; by default within the pipeline's budget for retries and hedges. */
  readonly retry?: Part<Retry, RetryOptions>;
  /** Starts another attempt beside a slow one; by default within the same budget. */
  readonly hedge?: Part<Hedge, HedgeOptions>;
  /** Takes a token for each attempt. */
  readonly rateLimiter?: Part<RateLimiter, RateLimiterOptions>;
  /** Refuses attempts while the service fails. */
  readonly circuitBreaker?: Part<CircuitBreaker, CircuitBreakerOptions>;
  /** How many attempts may be under way at once. */
  readonly bulkhead?: Part<Bulkhead, BulkheadOptions>;
  /**
   * The same, with a limit that it finds. Inside a `bulkhead`, if there is one, which may be shared; a wait for its
   * permit is not taken for a slow service.
   */
  readonly adaptiveLimiter?: Part<AdaptiveLimiter, AdaptiveLimiterOptions>;
  /** How long each attempt may take; may be a duration. */
  readonly timeout?: Part<Timeout, TimeoutOptions> | number;
}

type PartName = keyof ResilientParts;

/** Whether a value is a duration rather than a name. */
function isDuration(given: unknown): boolean {
  return typeof given === "number" || (typeof given === "string" && DURATION_PATTERN.test(given));
}

/** Of other components of this package that can be taken for a part. */
const OTHERS = new Set<string | undefined>([
  "keyed-rate-limiter",
  "shared-keyed-rate-limiter",
  "pipeline",
  "single-flight",
  "chaos",
]);

/** @throws TypeError for an instance of this package that is not of this kind; shared by processes, it is of it as well. */
function checkKind(section: string, value: object, label: string, allowed: string): void {
  const toKind = (name: string): string => toSnakeCase(name).replaceAll("_", "-");
  const kind = kindOf(value)?.replace(/^shared-(?!keyed)/, "");
  if (kind === toKind(section)) return;
  if (OTHERS.has(kind) || Object.keys(partRules).some((part) => toKind(part) === kind))
    throw new TypeError(`${label} must be ${allowed}; got a ${kind}.`);
}

/** @param section whose instances can be named. */
function partRule(section: string, rules: SectionRules): Rule<unknown> {
  const isTime = rules === timeoutRules;
  const shapes: FileShape[] = [
    { kind: "name", section },
    { kind: "boolean" },
    { kind: "object", fields: fileFields(rules) },
  ];
  const time = timeoutRules.timeout;
  const rule: Rule<unknown> = custom<unknown>({
    allowed: `options, a name, an instance or true${isTime ? `; or ${time.allowed}` : ""}`,
    file: { kind: "either", shapes: isTime && time.file ? [time.file, ...shapes] : shapes },
    parse(value, label) {
      if (isTime && isDuration(value)) {
        time.parse(value, label);
        return value;
      }
      if (value === true || (typeof value === "string" && value !== "")) return value;
      if (typeof value !== "object" || value === null)
        throw new TypeError(unlike(label, rule.allowed, value));
      if (typeof Reflect.get(value, "execute") === "function") {
        checkKind(section, value, label, rule.allowed);
        return value;
      }
      if (!isPlainObject(value)) throw new TypeError(unlike(label, rule.allowed, value));
      checkOptions(label, rules, value);
      return value;
    },
  });
  return rule;
}

/** The rules of the parts, outermost first. */
export const partRules: Readonly<Record<PartName, Rule<unknown>>> = {
  fallback: partRule("fallback", fallbackRules),
  totalTimeout: partRule("timeout", timeoutRules),
  retry: partRule("retry", retryRules),
  hedge: partRule("hedge", hedgeRules),
  rateLimiter: partRule("rateLimiter", rateLimiterRules),
  circuitBreaker: partRule("circuitBreaker", circuitBreakerRules),
  bulkhead: partRule("bulkhead", bulkheadRules),
  adaptiveLimiter: partRule("adaptiveLimiter", adaptiveLimiterRules),
  timeout: partRule("timeout", timeoutRules),
};

/** The checked options of a part. */
export interface PartOptions {
  readonly name?: string | undefined;
  readonly budget?: BudgetOption | undefined;
}

/** Parts as {@link readPart} has read them. */
export type ReadParts = Readonly<Partial<Record<PartName, AnyPolicy | PartOptions>>>;

/** The options of a checked part that is a pipeline's own; `undefined` for an instance, one that is only named, or none. */
export function optionsOfPart(
  key: PartName,
  part: unknown,
): (PartOptions & Readonly<Record<string, unknown>>) | undefined {
  if (part === true) return {};
  // Of the others a text is a name, also if it looks like a duration.
  if ((key === "timeout" || key === "totalTimeout") && isDuration(part)) return { timeout: part };
  if (typeof part !== "object" || part === null || "execute" in part) return undefined;
  return { ...part };
}

/**
 * An instance, or the options of one; for one that is only named, its name.
 *
 * @throws TypeError or RangeError for a part that is wrong, or named and not there.
 */
export function readPart(key: PartName, given: unknown): AnyPolicy | PartOptions {
  const rule = partRules[key];
  const part = rule.parse(given, key);
  checkNames(rule.file, part, key);
  return optionsOfPart(key, part) ?? (typeof part === "string" ? { name: part } : (part as AnyPolicy));
}

export const nameRule: Rule<string> = text("resilient");

export const section: SectionDescriptor = { rules: { ...partRules }, isByName: true };

export const meanings: Meanings = {
  means: "Pipelines by name: the policies that a call goes through, always in this order.",
  options: {
    fallback: {
      means: "what the caller gets in place of a failure: options or the name of an instance",
      example: "{ to: null }",
    },
    totalTimeout: { means: "how long a call may take in total", example: "10s" },
    retry: { means: "calls the function again when it fails", example: "{ attempts: 3 }" },
    hedge: { means: "starts another attempt beside a slow one", example: "{ delay: 50ms }" },
    rateLimiter: {
      means: "takes a token for each attempt: options or the name of an instance",
      example: "exchange",
    },
    circuitBreaker: {
      means: "refuses attempts while the service fails: options or the name of an instance",
      example: "payment-api",
    },
    bulkhead: { means: "how many attempts may be under way at once", example: "{ max_concurrent: 10 }" },
    adaptiveLimiter: { means: "the same, with a limit that it finds out", example: "{ max: 100 }" },
    timeout: { means: "how long each attempt may take", example: "2s" },
  },
  instances:
    "payment-api: { total_timeout: 10s, retry: { attempts: 3 }, circuit_breaker: payment-api, timeout: 2s }",
};
