import { show, unlike } from "../kernel/show.js";
import { type Counter, type Rule, ruleOf, type TripFigures, type TripRule, tripRule } from "./trip-rule.js";

/** Counts for several rules at once. */
class CombinedCounter implements Counter {
  readonly #counters: readonly Counter[];
  /** How many of the rules must be met. */
  readonly #needed: number;

  constructor(counters: readonly Counter[], needed: number) {
    this.#counters = counters;
    this.#needed = needed;
  }

  get bad(): number {
    return Math.max(...this.#counters.map(({ bad }) => bad));
  }

  get isMet(): boolean {
    return this.#counters.filter(({ isMet }) => isMet).length >= this.#needed;
  }

  add(failed: boolean, took: number, now: number): void {
    for (const counter of this.#counters) counter.add(failed, took, now);
  }

  figures(now: number): readonly TripFigures[] {
    return this.#counters.flatMap((counter) => counter.figures(now));
  }
}

function combined(name: string, given: readonly TripRule[], needed: (rules: number) => number): TripRule {
  const rules = given.map((one, index): Rule => {
    const rule = ruleOf(one);
    if (rule === undefined) throw new TypeError(unlike(`rule ${index + 1} of ${name}`, "a trip rule", one));
    return rule;
  });
  if (rules.length < 2)
    throw new TypeError(`${name} needs at least two trip rules; got ${show(rules.length)}.`);
  return tripRule({
    isBad: (failed, took) => rules.some((rule) => rule.isBad(failed, took)),
    newCounter: (makeWindow) =>
      new CombinedCounter(
        rules.map((rule) => rule.newCounter(makeWindow)),
        needed(rules.length),
      ),
  });
}

/**
 * Opens the circuit when any of the rules is met: `anyOf(failureRate(…), slowCallRate(…))`.
 *
 * @throws TypeError for anything but a trip rule, or for fewer than two.
 * @example
 * ```ts
 * import { anyOf, CircuitBreaker, failureRate, failuresWithin } from "@kstlib/resilience";
 *
 * const trip = anyOf(
 *   failureRate({ threshold: 0.5, window: { calls: 20 } }),
 *   failuresWithin({ failures: 2, duration: "10s" }),
 * );
 * const breaker = new CircuitBreaker({ trip });
 * for (let call = 1; call <= 2; call++) await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
 * console.assert(breaker.state === "open");
 * ```
 */
export function anyOf(...rules: readonly TripRule[]): TripRule {
  return combined("anyOf", rules, () => 1);
}

/**
 * Opens the circuit when all of the rules are met at once, as after many failures that also are a large share of the calls:
 * `allOf(failureRate(…), failuresWithin(…))`.
 *
 * @throws TypeError for anything but a trip rule, or for fewer than two.
 */
export function allOf(...rules: readonly TripRule[]): TripRule {
  return combined("allOf", rules, (count) => count);
}
