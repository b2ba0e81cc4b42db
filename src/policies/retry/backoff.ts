/** How the delays of a growing backoff are spread. */
export type Jitter = "full" | "equal" | "decorrelated" | "none";

/** A checked backoff; delays in milliseconds. */
export interface BackoffSettings {
  readonly initial: number;
  readonly factor: number;
  readonly max: number;
  readonly jitter: Jitter;
}

/**
 * The delay after `attempt`, in milliseconds. It is drawn below the cap as a whole: jitter added to a capped delay, or cut
 * to the cap, would make late attempts coincide.
 *
 * Full, equal and decorrelated jitter are those of M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
 * 2015; the decorrelated one is drawn up to `min(max, 3 * previous)` instead of being cut to `max`.
 *
 * @param attempt the attempt that has failed; the first is 1.
 * @param previous the delay before it; `undefined` for the first.
 * @param random a number from 0 up to 1.
 */
export function backoff(
  { initial, factor, max, jitter }: BackoffSettings,
  attempt: number,
  previous: number | undefined,
  random: number,
): number {
  if (jitter === "decorrelated") {
    const high = Math.min(max, 3 * (previous ?? initial));
    return initial + random * Math.max(0, high - initial);
  }
  const cap = Math.min(max, initial * factor ** (attempt - 1));
  if (jitter === "full") return random * cap;
  return jitter === "equal" ? cap / 2 + (random * cap) / 2 : cap;
}
