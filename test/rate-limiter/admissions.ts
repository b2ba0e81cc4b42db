import { getEventListeners } from "node:events";

/** How often a property is tried. */
export const numRuns: number = Number(process.env["PROPERTY_RUNS"] ?? 1000);

/** Something admitted: when, and at what cost. */
export interface Admission {
  readonly at: number;
  readonly cost: number;
}

/**
 * The worst excess over `burst + rate * t / per` in any window between two admissions, in tokens: 0 or less
 * when the bound holds. Windows that begin and end elsewhere are no worse.
 */
export function worstExcess(
  admissions: readonly Admission[],
  limits: { readonly interval: number; readonly burst: number },
): number {
  const ordered = admissions.toSorted((one, other) => one.at - other.at);
  let worst = Number.NEGATIVE_INFINITY;
  for (let from = 0; from < ordered.length; from++) {
    const begin = ordered[from]?.at ?? 0;
    let taken = 0;
    for (const { at, cost } of ordered.slice(from)) {
      taken += cost;
      worst = Math.max(worst, taken - limits.burst - (at - begin) / limits.interval);
    }
  }
  return worst;
}

/** A signal whose listeners can be counted. */
export class CountingSignal {
  readonly controller: AbortController = new AbortController();

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get listeners(): number {
    return getEventListeners(this.signal, "abort").length;
  }
}

/** Watches a promise without waiting for it. */
export function watch(promise: Promise<unknown>): {
  state: "pending" | "fulfilled" | "rejected";
  reason?: unknown;
} {
  const watched: { state: "pending" | "fulfilled" | "rejected"; reason?: unknown } = { state: "pending" };
  const fulfilled = (): string => (watched.state = "fulfilled");
  const rejected = (reason: unknown): unknown => Object.assign(watched, { state: "rejected", reason });
  promise.then(fulfilled, rejected);
  return watched;
}

/** Calls a method with arguments that its types do not allow. */
export function call(object: object, method: string, ...args: unknown[]): unknown {
  return Reflect.apply(Reflect.get(object, method), object, args);
}
