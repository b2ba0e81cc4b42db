import type { Verdict } from "../kernel/judge.js";
import { type Probe, Probes } from "./probes.js";
import type { Counter, Rule, TripFigures } from "./trip-rule.js";

/** The settings that the machine uses. Times are milliseconds. */
export interface Limits {
  readonly maxFailures: number;
  /** Probes that a half-open circuit admits. */
  readonly halfOpenMaxCalls: number;
  /** How many of them open it again when they fail; it closes as soon as that number can no longer be reached. */
  readonly halfOpenFailures: number;
  readonly probeTimeout: number;
  readonly trip: Rule | undefined;
  /** Milliseconds that it stays open after so many reopenings; `isTimeout`: because a probe took too long. */
  readonly openFor: (reopenings: number, isTimeout: boolean) => number;
}

interface Era {
  /** Changes at every transition: a call settles only in the era that admitted it. */
  readonly era: number;
}

interface Counting extends Era {
  /** Counted failures since the circuit was last closed and healthy. */
  readonly failures: number;
}

export interface Closed extends Counting {
  readonly kind: "closed";
  /** Owned by this state and changed in place: copying it at each call would show in the benchmark. */
  readonly counter: Counter | undefined;
}

interface Recovering extends Counting {
  readonly reopenings: number;
  /**
   * The era since which only probe timeouts have opened the circuit: a success of a probe admitted since then still
   * shows that the service has recovered.
   */
  readonly since: number;
  /** Late successes of such probes, after their era; a later timeout does not cancel them. */
  readonly late: number;
}

export interface Open extends Recovering {
  readonly kind: "open";
  readonly until: number;
}

export interface HalfOpen extends Recovering {
  readonly kind: "half-open";
  /** Successes in this era. */
  readonly successes: number;
  /** Failures in this era, timeouts included. */
  readonly failed: number;
  /** Owned by this state and changed in place: a copy for each probe would cost the square of their number. */
  readonly probes: Probes;
}

/** An overlay: the state beneath is frozen until the last hold is released. */
export interface Isolated extends Era {
  readonly kind: "isolated";
  readonly holds: number;
  readonly since: number;
  readonly under: Closed | Open | HalfOpen;
}

export type State = Closed | Open | HalfOpen | Isolated;

/** What an admitted call holds until it settles: the closed circuit it found, or what it is to a half-open one. */
export type Ticket = Closed | Probe;

export function closed(era: number, limits: Limits): Closed {
  return { kind: "closed", era, failures: 0, counter: limits.trip?.newCounter() };
}

function opened(
  from: Closed | HalfOpen,
  limits: Limits,
  failures: number,
  at: number,
  isTimeout: boolean = false,
): Open {
  const reopenings = from.kind === "closed" ? 0 : from.reopenings + 1;
  const until = at + limits.openFor(reopenings, isTimeout);
  const era = from.era + 1;
  return { kind: "open", era, failures, until, reopenings, since: era, late: 0 };
}

/**
 * Makes the next transition that the passage of time alone has caused by `now`, or returns the same state.
 * Each takes effect at its own time, so that looking late or often changes nothing.
 */
export function elapse(state: State, limits: Limits, now: number): State {
  if (state.kind === "open" && now >= state.until) {
    const { failures, reopenings, since, late } = state;
    const era = state.era + 1;
    const counts = { successes: 0, failed: 0 };
    return { kind: "half-open", era, failures, reopenings, since, late, ...counts, probes: new Probes() };
  }
  if (state.kind === "half-open") {
    const { first } = state.probes;
    if (first !== undefined && now >= first.deadline) {
      const { since, late, failures } = state;
      if (state.failed + 1 >= limits.halfOpenFailures) {
        return { ...opened(state, limits, failures + 1, first.deadline, true), since, late };
      }
      state.probes.remove(first);
      return { ...state, failures: failures + 1, failed: state.failed + 1 };
    }
  }
  return state;
}

/** Admits one more call and returns its ticket for {@link settle}, or `undefined` when it is refused. */
export function admit(state: State, limits: Limits, now: number): Ticket | undefined {
  if (state.kind === "closed") return state;
  if (state.kind !== "half-open") return undefined;
  const { probes, successes, failed, late } = state;
  if (probes.size + successes + failed + late >= limits.halfOpenMaxCalls) return undefined;
  return probes.add(state.era, now + limits.probeTimeout);
}

/** Whether {@link settle} will look at `now`; a closed, healthy circuit needs no clock. */
export function settleNeedsTime(state: State, limits: Limits, verdict: Verdict): boolean {
  return (
    state.kind !== "closed" ||
    state.counter !== undefined ||
    (verdict === "failure" && state.failures + 1 >= limits.maxFailures)
  );
}

/** The state after a call that was admitted as `ticket` settled, `took` milliseconds after its start. */
export function settle(
  state: State,
  limits: Limits,
  ticket: Ticket,
  verdict: Verdict,
  now: number,
  took: number,
): State {
  if (ticket.kind === "probe") return settleProbe(state, limits, ticket, verdict, now, took);
  // A call admitted in an earlier era says nothing about this one.
  if (state.era !== ticket.era || state.kind !== "closed" || verdict === "ignored") return state;
  const failed = verdict === "failure";
  const { counter } = state;
  if (counter !== undefined) {
    counter.add(failed, took, now);
    return counter.isMet ? opened(state, limits, counter.bad, now) : state;
  }
  if (!failed) return state.failures === 0 ? state : { ...state, failures: 0 };
  const failures = state.failures + 1;
  return failures >= limits.maxFailures ? opened(state, limits, failures, now) : { ...state, failures };
}

function settleProbe(
  state: State,
  limits: Limits,
  probe: Probe,
  verdict: Verdict,
  now: number,
  took: number,
): State {
  if (state.kind !== "half-open" && state.kind !== "open") return state;
  // A probe that is too slow for a slow-call rule shows that nothing has recovered.
  const failed = verdict === "failure" || (verdict === "success" && limits.trip?.isBad(false, took) === true);
  if (state.kind === "open" || state.era !== probe.era) {
    // Its permit was given to another call, and the timeout already counted as its failure.
    if (verdict !== "success" || failed || probe.era < state.since) return state;
    return unlessRecovered({ ...state, late: state.late + 1 }, limits);
  }
  const wasUnderWay = state.probes.remove(probe);
  if (failed) {
    // The timeout already counted as its failure.
    if (!wasUnderWay) return state;
    const next = { ...state, failures: state.failures + 1, failed: state.failed + 1 };
    return next.failed >= limits.halfOpenFailures ? opened(state, limits, next.failures, now) : next;
  }
  if (verdict === "ignored") return state;
  const won = wasUnderWay ? { successes: state.successes + 1 } : { late: state.late + 1 };
  return unlessRecovered({ ...state, ...won }, limits);
}

function unlessRecovered(state: Open | HalfOpen, limits: Limits): Isolated["under"] {
  const successes = state.late + (state.kind === "open" ? 0 : state.successes);
  const needed = limits.halfOpenMaxCalls - limits.halfOpenFailures + 1;
  return successes >= needed ? closed(state.era + 1, limits) : state;
}

/** Holds the circuit once more. The first hold starts an era: calls under way no longer count. */
export function isolate(state: State, now: number): Isolated {
  if (state.kind === "isolated") return { ...state, holds: state.holds + 1 };
  const era = state.era + 1;
  const under =
    state.kind === "closed"
      ? { ...state, era }
      : state.kind === "open"
        ? { ...state, era, since: era }
        : { ...state, era, since: era, probes: new Probes() };
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

/** Applies other limits from now on; past failures may already reach them. */
export function relimit(state: State, limits: Limits, now: number): State {
  if (state.kind !== "isolated") return judged(state, limits, now);
  return { ...state, under: judged(state.under, limits, state.since) };
}

function judged(state: Isolated["under"], limits: Limits, now: number): Isolated["under"] {
  if (state.kind === "closed") return state;
  const isLost = state.kind === "half-open" && state.failed >= limits.halfOpenFailures;
  return isLost ? opened(state, limits, state.failures, now) : unlessRecovered(state, limits);
}

/** Milliseconds until a refused call may be admitted, as far as the state tells. */
export function remaining(state: State, now: number): number {
  if (state.kind === "isolated") return Infinity;
  const until =
    state.kind === "open" ? state.until : state.kind === "half-open" ? state.probes.first?.deadline : now;
  return Math.max(0, (until ?? now) - now);
}

/** What counts against the circuit; a window is looked at as of `now`. */
export function failureCount(state: State, now: number): number {
  if (state.kind === "isolated") return failureCount(state.under, state.since);
  if (state.kind !== "closed" || state.counter === undefined) return state.failures;
  state.counter.figures(now);
  return state.counter.bad;
}

/** What the trip rule has counted, as of `now`; only a closed circuit counts. */
export function figures(state: State, now: number): readonly TripFigures[] {
  return state.kind === "closed" ? (state.counter?.figures(now) ?? []) : [];
}

/** The state that survives a restart; see `CircuitBreaker.export`. */
export interface Saved {
  readonly isOpen: boolean;
  readonly failures: number;
  readonly reopenings: number;
  /** Milliseconds until an open circuit admits a probe. */
  readonly remaining: number;
}

/** For an isolated circuit, the state beneath: isolation is manual and ends with the process. */
export function save(state: State, now: number): Saved {
  if (state.kind === "isolated") return save(state.under, state.since);
  const isOpen = state.kind !== "closed";
  return {
    isOpen,
    failures: failureCount(state, now),
    reopenings: isOpen ? state.reopenings : 0,
    remaining: state.kind === "open" ? Math.max(0, state.until - now) : 0,
  };
}

/** The state of a circuit that was saved, in a new era. Windows begin empty. */
export function restore(state: State, limits: Limits, saved: Saved, now: number): State {
  const era = state.era + 1;
  const { isOpen, reopenings, remaining: left } = saved;
  const failures = limits.trip === undefined || isOpen ? saved.failures : 0;
  const under: Closed | Open = isOpen
    ? { kind: "open", era, failures, until: now + left, reopenings, since: era, late: 0 }
    : { ...closed(era, limits), failures: Math.min(failures, limits.maxFailures - 1) };
  return state.kind === "isolated" ? { ...state, era, under } : under;
}
