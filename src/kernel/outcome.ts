/**
 * How a call ended, in the words of `Promise.allSettled`. Each form declares the other's property as absent, so that
 * `({ status, reason }) => …` compiles.
 */
export type Outcome<Value = unknown> =
  | { readonly status: "fulfilled"; readonly value: Value; readonly reason?: undefined }
  | { readonly status: "rejected"; readonly reason: unknown; readonly value?: undefined };

/** How a synchronous function ends. */
export function outcomeOf<Given, Value>(fn: (given: Given) => Value, given: Given): Outcome<Value> {
  try {
    return { status: "fulfilled", value: fn(given) };
  } catch (reason) {
    return rejected(reason);
  }
}

export function rejected(reason: unknown): Outcome<never> {
  return { status: "rejected", reason };
}

/** The value of an outcome; throws the reason of one that was rejected. */
export function unwrap<Value>(outcome: Outcome<Value>): Value {
  if (outcome.status === "rejected") throw outcome.reason;
  return outcome.value;
}
