import { type AlgorithmName, algorithms, type WindowSample } from "./algorithms.js";

/** Windows between two measurements of `minRtt`. Envoy measures every minute. */
const MEASURE_EVERY = 60;
/** A queue at the service is being worked off as long as half the limit lowers the latency below this share. */
const STILL_QUEUED = 0.85;

/** A limit and what it was learnt from. */
export interface LimitState {
  readonly limit: number;
  /** Latency in milliseconds without a queue at the service; `undefined` until it was measured. */
  readonly minRtt: number | undefined;
  /** Windows until it is measured again. */
  readonly untilMeasured: number;
  /** While it is measured: the limit and the latency of the window before. */
  readonly measuring: { readonly limit: number; readonly rtt: number } | undefined;
}

/** How far a limit may go. */
export interface LimitBounds {
  readonly algorithm: AlgorithmName;
  readonly min: number;
  readonly max: number;
}

/** The state at the beginning: the second window measures `minRtt`. */
export function firstState(limit: number): LimitState {
  return { limit, minRtt: undefined, untilMeasured: 0, measuring: undefined };
}

function clamp({ min, max }: LimitBounds, limit: number): number {
  return Math.min(max, Math.max(min, limit));
}

/** The state under other bounds: what was learnt stays. */
export function boundedState(state: LimitState, bounds: LimitBounds): LimitState {
  return { ...state, limit: clamp(bounds, state.limit) };
}

/**
 * The state after a window. When fewer calls than half of the limit were under way, the window says nothing of the limit,
 * unless a call was dropped.
 *
 * To measure `minRtt`, the limit is halved, window by window, as long as that lowers the latency, which then came of a
 * queue at the service; the limit goes on from the last one that did. So it finds down from a limit that is far too
 * high, at which every latency that was ever seen has a queue in it. (Envoy goes down to 3 calls for 50 requests.)
 */
export function nextState(state: LimitState, sample: WindowSample, bounds: LimitBounds): LimitState {
  const { limit, measuring, minRtt, untilMeasured } = state;
  const { rtt, inFlight, dropped } = sample;
  const next = (raw: number): number => clamp(bounds, raw);
  if (bounds.algorithm === "aimd") {
    if (inFlight < limit / 2 && !dropped) return state;
    return { ...state, limit: next(algorithms.aimd(limit, sample, rtt)) };
  }
  if (measuring !== undefined) {
    const isQueued = dropped || rtt < STILL_QUEUED * measuring.rtt;
    if (isQueued && limit > bounds.min)
      return { ...state, limit: next(limit / 2), measuring: { limit, rtt } };
    return {
      // The bounds may have changed since.
      limit: next(isQueued ? limit : measuring.limit),
      minRtt: rtt,
      untilMeasured: MEASURE_EVERY,
      measuring: undefined,
    };
  }
  // A light load has no queue either.
  const lowest = minRtt === undefined ? undefined : Math.min(minRtt, rtt);
  if (inFlight < limit / 2 && !dropped) return { ...state, minRtt: lowest ?? rtt };
  if (untilMeasured <= 0) return { ...state, limit: next(limit / 2), measuring: { limit, rtt } };
  return {
    limit: next(algorithms[bounds.algorithm](limit, sample, lowest ?? rtt)),
    minRtt: lowest,
    untilMeasured: untilMeasured - 1,
    measuring: undefined,
  };
}
