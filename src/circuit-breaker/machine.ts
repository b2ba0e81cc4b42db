import type { RateRule, Window } from "./trip-rule.js";

/** What a settled call means to the circuit. */
export type Verdict = "success" | "failure" | "ignored";

/** How long the circuit stays open, in milliseconds: `initial`, times `factor` at each reopening, up to `max`. */
export interface ResetTimeout {
  readonly initial: number;
  readonly factor: number;
  readonly max: number;
}

/** What the machine needs of the settings. Times are milliseconds. */
export interface Limits {
  readonly maxFailures: number;
  readonly halfOpenMaxCalls: number;
  readonly resetTimeout: ResetTimeout;
  readonly probeTimeout: number;
  readonly trip: RateRule | undefined;
}

interface Era {
  /** Changes at every transition: a call settles only in the era that admitted it. */
  readonly era: number;
}

interface Counting extends Era {
  /** Counted failures since the circuit was last closed and well. */
  readonly failures: number;
}

export interface Closed extends Counting {
  readonly kind: "closed";
  /** Owned by this state and changed in place: copying it at each call would show in the benchmark. */
  readonly window: Window | undefined;
}

export interface Open extends Counting {
  readonly kind: "open";
  readonly until: number;
  readonly reopenings: number;
}

export interface HalfOpen extends Counting {
  readonly kind: "half-open";
  readonly reopenings: number;
  readonly successes: number;
  /** The deadlines of the probes under way, in the order of admission, which is also the order of time. */
  readonly probes: readonly number[];
}

/** An overlay: what lies under it stands still until the last hold is released. */
export interface Isolated extends Era {
  readonly kind: "isolated";
  readonly holds: number;
  readonly since: number;
  readonly under: Closed | Open | HalfOpen;
}

export type State = Closed | Open | HalfOpen | Isolated;

export function closed(era: number, limits: Limits): Closed {
  return { kind: "closed", era, failures: 0, window: limits.trip?.newWindow() };
}

function opened(from: Closed | HalfOpen, limits: Limits, failures: number, at: number): Open {
  const { initial, factor, max } = limits.resetTimeout;
  const reopenings = from.kind === "closed" ? 0 : from.reopenings + 1;
  const until = at + Math.min(max, initial * factor ** reopenings);
  return { kind: "open", era: from.era + 1, failures, until, reopenings };
}

/**
 * Makes the next transition that the passage of time alone has caused by `now`, or returns the same state.
 * Each takes effect at its own time, so that looking late or often changes nothing.
 */
export function elapse(state: State, limits: Limits, now: number): State {
  if (state.kind === "open" && now >= state.until) {
    const { failures, reopenings } = state;
    return { kind: "half-open", era: state.era + 1, failures, reopenings, successes: 0, probes: [] };
  }
  if (state.kind === "half-open") {
    const deadline = state.probes[0];
    if (deadline !== undefined && now >= deadline) return opened(state, limits, state.failures + 1, deadline);
  }
  return state;
}

/**
 * The state with one more call admitted, or `undefined` when it is refused. The returned state is also the
 * call's ticket for {@link settle}.
 */
export function admit(state: State, limits: Limits, now: number): State | undefined {
  if (state.kind === "closed") return state;
  if (state.kind !== "half-open") return undefined;
  if (state.probes.length + state.successes >= limits.halfOpenMaxCalls) return undefined;
  return { ...state, probes: [...state.probes, now + limits.probeTimeout] };
}

/** Whether {@link settle} will look at `now`; a circuit that is closed and well needs no clock. */
export function settleNeedsTime(state: State, limits: Limits, verdict: Verdict): boolean {
  return (
    state.kind !== "closed" ||
    state.window !== undefined ||
    (verdict === "failure" && state.failures + 1 >= limits.maxFailures)
  );
}

/** The state after a call that was admitted as `ticket` settled, `took` milliseconds after its start. */
export function settle(
  state: State,
  limits: Limits,
  ticket: State,
  verdict: Verdict,
  now: number,
  took: number,
): State {
  // A call admitted in an earlier era says nothing about this one.
  if (state.era !== ticket.era) return state;
  const failed = verdict === "failure";
  if (state.kind === "closed") {
    if (verdict === "ignored") return state;
    if (limits.trip !== undefined && state.window !== undefined) {
      const { trip, window } = { trip: limits.trip, window: state.window };
      window.add(trip.isBad(failed, took), now);
      const trips = window.total >= trip.minCalls && window.bad / window.total >= trip.threshold;
      return trips ? opened(state, limits, window.bad, now) : state;
    }
    if (!failed) return state.failures === 0 ? state : { ...state, failures: 0 };
    const failures = state.failures + 1;
    return failures >= limits.maxFailures ? opened(state, limits, failures, now) : { ...state, failures };
  }
  if (state.kind !== "half-open" || ticket.kind !== "half-open") return state;
  const mine = state.probes.indexOf(ticket.probes.at(-1) ?? 0);
  const probes = state.probes.filter((_, index) => index !== mine);
  if (verdict === "ignored") return { ...state, probes };
  // A probe that is too slow for a slow-call rule shows that nothing has recovered.
  if (failed || limits.trip?.isBad(failed, took)) return opened(state, limits, state.failures + 1, now);
  const successes = state.successes + 1;
  return successes >= limits.halfOpenMaxCalls
    ? closed(state.era + 1, limits)
    : { ...state, successes, probes };
}

/** Holds the circuit once more. The first hold starts an era: calls under way no longer count. */
export function isolate(state: State, now: number): Isolated {
  if (state.kind === "isolated") return { ...state, holds: state.holds + 1 };
  const era = state.era + 1;
  const under = state.kind === "half-open" ? { ...state, era, probes: [] } : { ...state, era };
  return { kind: "isolated", era, holds: 1, since: now, under };
}

/** Takes one hold back; after the last one the circuit is what it was. */
export function release(state: Isolated): State {
  return state.holds > 1 ? { ...state, holds: state.holds - 1 } : state.under;
}

/** Closes the circuit in a new era; a hold stays, over a closed circuit. */
export function reset(state: State, limits: Limits): State {
  const under = closed(state.era + 1, limits);
  return state.kind === "isolated" ? { ...state, era: under.era, under } : under;
}

/** Milliseconds until a refused call may be admitted, as far as the state tells. */
export function remaining(state: State, now: number): number {
  if (state.kind === "isolated") return Infinity;
  const until = state.kind === "open" ? state.until : state.kind === "half-open" ? state.probes[0] : now;
  return Math.max(0, (until ?? now) - now);
}

/** What counts against the circuit; a window is looked at as of `now`. */
export function failureCount(state: State, now: number): number {
  if (state.kind === "isolated") return failureCount(state.under, state.since);
  if (state.kind !== "closed" || state.window === undefined) return state.failures;
  state.window.forget(now);
  return state.window.bad;
}
