import type {
  CircuitBreakerChanges,
  CircuitBreakerOptions,
  CircuitBreakerSettings,
} from "../../circuit-breaker/options.js";
import { circuitBreakerRules } from "../../circuit-breaker/options.js";
import type { MakeWindow, TripRule } from "../../circuit-breaker/trip-rule.js";
import { type Clock, realClock } from "../../kernel/clock.js";
import type { Duration } from "../../kernel/duration.js";
import { type OptionRules, resolveOptions } from "../../kernel/options.js";
import { custom, duration, having, integer, text } from "../../kernel/rules.js";
import { show } from "../../kernel/show.js";
import { type StoreClient, storeClient } from "../store/client.js";

/** Options of `SharedCircuitBreaker`: those of `CircuitBreaker`, and how it is shared. */
export interface SharedCircuitBreakerOptions extends CircuitBreakerOptions {
  /** A client of `redis`, `ioredis` or `iovalkey`, which stays the caller's. Required. */
  readonly client: object;
  /** The circuit: all instances with this name and `keyPrefix` share it. Required. */
  readonly name: string;
  /** What its keys in the store begin with. Default `"kstlib:"`. */
  readonly keyPrefix?: string | undefined;
  /** How long the store may take to answer. After that an instance decides alone. Default 250 ms. */
  readonly storeTimeout?: Duration | undefined;
  /** How old the known state may be while the subscription is lost. Default 1 s. */
  readonly maxAge?: Duration | undefined;
  /**
   * How long a probe's permit stays taken after its process has died; a living one renews it. Longer than
   * `storeTimeout`. Default 10 s.
   */
  readonly lease?: Duration | undefined;
  /** How many instances must have seen failures before the circuit opens. 1 to 100; default 1. */
  readonly quorum?: number | undefined;
  /**
   * When the circuit opens, instead of `maxFailures`. Only rules over a time can be shared: the calls of several machines
   * have no order, so that the last hundred of them are not known.
   */
  readonly trip?: TripRule | undefined;
}

/** {@link SharedCircuitBreakerOptions} as checked; durations in milliseconds. */
export interface SharedSettings extends CircuitBreakerSettings {
  readonly client: StoreClient;
  readonly keyPrefix: string;
  readonly storeTimeout: number;
  readonly maxAge: number;
  readonly lease: number;
  readonly quorum: number;
  readonly clock: Clock;
}

/** A hash holds all probes, and a script returns it whole. */
const MOST_PROBES = 1000;

const rules: OptionRules<SharedSettings> = {
  ...circuitBreakerRules,
  // Nothing given is `null`, which is refused: a name that all have by default would join circuits that have nothing in common.
  name: { ...text(undefined), fallback: null },
  client: custom<StoreClient>({
    fallback: null,
    allowed: "a client of redis, ioredis or iovalkey",
    parse: storeClient,
  }),
  keyPrefix: text("kstlib:"),
  storeTimeout: duration("250ms"),
  maxAge: duration("1s"),
  lease: duration("10s"),
  quorum: integer(1, 1, 100),
  clock: having<Clock>(realClock, "a clock", ["now", "wallNow", "setTimer"]),
};

const onlyOverTime: MakeWindow = ({ calls }) => {
  if (calls === undefined) return { total: 0, bad: 0, add() {}, forget() {} };
  throw new TypeError(
    `trip of a SharedCircuitBreaker must be a rule over a time; got one over the last ${calls} calls, which have no order over several machines. Use window: { duration: "30s" }.`,
  );
};

/** Throws when a half-open circuit would admit more calls than can be shared; other mistakes are found elsewhere. */
export function checkProbes({ halfOpen, halfOpenMaxCalls }: CircuitBreakerChanges): void {
  const given = { halfOpenMaxCalls, "halfOpen.calls": halfOpen?.calls };
  for (const [label, calls] of Object.entries(given)) {
    if (calls !== undefined && calls > MOST_PROBES)
      throw new RangeError(
        `${label} of a SharedCircuitBreaker must be at most ${MOST_PROBES}; got ${show(calls)}.`,
      );
  }
}

export function sharedSettings(given: SharedCircuitBreakerOptions): SharedSettings {
  const settings = resolveOptions("SharedCircuitBreaker", rules, given, "circuitBreaker");
  settings.trip?.newCounter(onlyOverTime);
  checkProbes({ halfOpenMaxCalls: settings.halfOpenMaxCalls, halfOpen: settings.halfOpen });
  const { lease, storeTimeout } = settings;
  if (lease <= storeTimeout)
    throw new RangeError(
      `lease must be longer than storeTimeout (${storeTimeout} ms), so that it can be renewed in time; got ${lease} ms.`,
    );
  return settings;
}
