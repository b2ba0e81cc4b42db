/** A fraction of whole numbers. */
export interface Fraction {
  readonly over: bigint;
  readonly under: bigint;
}

/**
 * The first convergent of the number's continued fraction that is the same double: 0.1 is 1/10, 1 / 3 is 1/3.
 *
 * @param value above 0 and finite.
 */
export function simplestFraction(value: number): Fraction {
  let whole = value;
  let places = 0n;
  for (; !Number.isInteger(whole); whole *= 2) places++;
  let a = BigInt(whole);
  let b = 1n << places;
  let [over, under, overBefore, underBefore] = [1n, 0n, 0n, 1n];
  while (b > 0n) {
    const quotient = a / b;
    [over, overBefore] = [quotient * over + overBefore, over];
    [under, underBefore] = [quotient * under + underBefore, under];
    [a, b] = [b, a % b];
    if (Number(over) / Number(under) === value) break;
  }
  return { over, under };
}
