import { closed, type Isolated, type Limits } from "../../circuit-breaker/machine.js";
import { Probes } from "../../circuit-breaker/probes.js";
import type { Told } from "./told.js";

/** A state of the circuit without the isolation over it. */
export type Under = Isolated["under"];

/**
 * What the store tells as a state of this instance's circuit.
 *
 * @param isSame whether it is the state that was known, with other counts: the calls under way then belong to it.
 * @param now the circuit's own time in milliseconds.
 */
export function adopted(told: Told, under: Under, isSame: boolean, limits: Limits, now: number): Under {
  const { failures, reopenings, state } = told;
  const era = isSame ? under.era : under.era + 1;
  if (state === "closed") {
    const next = isSame && under.kind === "closed" ? under : closed(era, limits);
    // A trip rule counts in its windows.
    return next.counter !== undefined || next.failures === failures ? next : { ...next, failures };
  }
  if (state === "open") {
    return { kind: "open", era, failures, reopenings, until: now + told.wait, since: era, late: 0 };
  }
  if (isSame && under.kind === "half-open") return { ...under, failures, reopenings };
  const counts = { successes: 0, failed: 0, late: 0, since: era };
  return { kind: "half-open", era, failures, reopenings, ...counts, probes: new Probes() };
}
