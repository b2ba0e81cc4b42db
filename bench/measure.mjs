// Measures subjects side by side in one process: many batches, in turns, medians.
// A subject is a function of n that runs its own loop of n operations and returns a number made of their results:
// the loop has its own call site, and nothing in it can be optimised away as unused.

const settings = { quick: process.argv.includes("--quick") };
export const quick = settings.quick;

let sink = 0;

export function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Whether one more batch is wanted; the first ones warm the code up and do not count. */
const plan = (batches) => ({ warmUp: quick ? 5 : 10, batches: quick ? 15 : batches });

/** The subjects by name, in an order that rotates from batch to batch, so that none is always first. */
function* turns(subjects, total) {
  const entries = Object.entries(subjects);
  for (let batch = 0; batch < total; batch++) {
    const first = batch % entries.length;
    yield [batch, [...entries.slice(first), ...entries.slice(0, first)]];
  }
}

/**
 * Nanoseconds an operation: for each subject the time of every batch, in the order of the batches.
 * The subjects may be asynchronous. One with `prepare` gets what that returns in place of n, whose making is not measured.
 */
export async function measure(subjects, { size = 100_000, batches = 41 } = {}) {
  const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  const { warmUp, batches: counted } = plan(batches);
  for (const [batch, order] of turns(subjects, warmUp + counted)) {
    for (const [name, subject] of order) {
      const given = subject.prepare?.(size) ?? size;
      const start = performance.now();
      // oxlint-disable-next-line typescript/await-thenable -- a synchronous subject must not pay for a promise
      const result = subject(given);
      sink += typeof result === "number" ? result : await result;
      if (batch >= warmUp) times[name].push(((performance.now() - start) * 1e6) / size);
    }
  }
  return times;
}

/** The median ratio of the times of two subjects, batch by batch. */
export function ratio(one, other) {
  return median(one.map((time, batch) => time / other[batch]));
}

/** A package to compare with, or why not. */
export async function peer(name, load) {
  try {
    return { module: await load() };
  } catch (error) {
    return { missing: error.code === "ERR_MODULE_NOT_FOUND" ? `${name} is not installed` : error.message };
  }
}

/** Hands the rows of this suite to the runner. */
export function report(rows) {
  if (Number.isNaN(sink)) throw new Error("a subject returned no number");
  process.stdout.write(`${JSON.stringify(rows)}\n`);
}
