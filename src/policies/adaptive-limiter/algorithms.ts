/** What one window of calls has shown. */
export interface WindowSample {
  /** Average latency in milliseconds, dropped calls included. */
  readonly rtt: number;
  /** The largest number of calls that were under way at once. */
  readonly inFlight: number;
  /** Whether a call was dropped: the service could not handle it in time. */
  readonly dropped: boolean;
}

/** The limit that follows from one window. `minRtt` is the latency without a queue at the service. */
export type Algorithm = (limit: number, sample: WindowSample, minRtt: number) => number;

/** An {@link Algorithm} by name. */
export type AlgorithmName = "gradient" | "vegas" | "aimd";

/** Latency up to this multiple of `minRtt` does not indicate a queue. */
const TOLERANCE = 1.05;
const SMOOTHING = 0.5;
const BACKOFF = 0.9;
/** For AIMD, an average latency above this many milliseconds counts as a drop. */
const SLOW = 5000;

/**
 * `L' = L + 0.5 · (L · g + √L / 2 − L)` with `g = clamp(1.05 · minRtt / rtt, 0.5, 1.05)`; after a drop at most `0.9 · L`.
 * The limit settles at about 1.05 times what the service handles at once, plus `√L / 2`.
 *
 * Source: the gradient of Netflix's concurrency-limits (`Gradient2Limit`) and of Envoy's adaptive concurrency filter.
 * How it differs, and why:
 * - Gradient2 compares with an average of 600 windows, which a lasting queue raises until it looks normal; this
 *   compares, as Envoy does, with a latency measured periodically under a lower limit.
 * - Tolerance 1.05, not 1.5 (Gradient2) or 1.25 (Envoy), and `√L / 2`, not 4 or `√L`: those settle at more than 1.25 times
 *   what the service handles at once.
 * - Smoothing 0.5, not 0.2: when the service loses half of its capacity, the limit follows within a few windows.
 * - A drop lowers the limit as in AIMD; Gradient2 considers only latency.
 */
const gradient: Algorithm = (limit, { rtt, dropped }, minRtt) => {
  const slope = Math.max(0.5, Math.min(TOLERANCE, (TOLERANCE * minRtt) / rtt));
  const next = limit + SMOOTHING * (limit * slope + Math.sqrt(limit) / 2 - limit);
  return dropped ? Math.min(BACKOFF * limit, next) : next;
};

/**
 * The calls that queue at the service are `queue = ⌈L · (1 − minRtt / rtt)⌉`; with `s = max(1, ⌊log10 L⌋)`: after a drop
 * `L − s`; `queue ≤ s`: `L + 6 s`; `queue < 3 s`: `L + s`; `queue > 6 s`: `L − s`; otherwise `L` stays.
 *
 * Source: Netflix's concurrency-limits (`VegasLimit`), after TCP Vegas. It differs in `minRtt`, which is measured
 * under a lower limit and not taken from the next call, which may meet a queue.
 */
const vegas: Algorithm = (limit, { rtt, dropped }, minRtt) => {
  const step = Math.max(1, Math.floor(Math.log10(limit)));
  if (dropped) return limit - step;
  // Rounded first: 20 · (1 − 0.9) must not be above 2.
  const queue = Math.ceil(Number((limit * (1 - Math.min(1, minRtt / rtt))).toPrecision(12)));
  if (queue <= step) return limit + 6 * step;
  if (queue < 3 * step) return limit + step;
  return queue > 6 * step ? limit - step : limit;
};

/** `0.9 · L` after a drop or when the latency is above 5 s, else `L + 1`. Source: Netflix's `AIMDLimit`. */
const aimd: Algorithm = (limit, { rtt, dropped }) => (dropped || rtt > SLOW ? BACKOFF * limit : limit + 1);

export const algorithms: Readonly<Record<AlgorithmName, Algorithm>> = { gradient, vegas, aimd };
