import { type AlgorithmName, algorithms, type WindowSample } from "./algorithms.js";

/** Windows between two measurements of `minRtt`. Envoy measures every minute. */
const MEASURE_EVERY = 60;
/** As long as half the limit lowers the latency below this share, a queue at the service is draining. */
const STILL_QUEUED = 0.85;

/** A limit and what it was learned from. */
export interface LimitState {
  readonly limit: number;
  /** Latency in milliseconds without a queue at the service; `undefined` until it is measured. */
  readonly minRtt: number | undefined;
  /** Windows until `minRtt` is measured again. */
  readonly untilMeasured: number;
  /** While `minRtt` is measured: the limit and the latency of the previous window. */
  readonly measuring: { readonly limit: number; readonly rtt: number } | undefined;
}

/** How a limit is found, and its bounds. */
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
 * The state after a window. A window in which fewer calls than half of the limit were under way does not change the limit,
 * unless a call was dropped.
 *
 * To measure `minRtt`, the limit is halved, window by window, as long as that lowers the latency: until then there was a
 * queue at the service. It continues from the last limit that lowered the latency. This also corrects a limit that is far
 * too high, under which every latency so far includes a queue. (Envoy goes down to 3 calls for 50 requests.)
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
  // Under a light load there is no queue either.
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
