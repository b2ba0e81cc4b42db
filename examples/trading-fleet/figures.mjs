// @ts-check
// Figures as the summary shows them.

/** @param {number | undefined} value */
export function ms(value) {
  if (value === undefined) return "–";
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** @param {readonly number[]} values */
export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** @param {number[]} values */
export function worst(values) {
  return values.length === 0 ? undefined : Math.max(...values);
}
