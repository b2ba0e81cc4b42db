/** How a call ended, in the words of `Promise.allSettled`. */
export type Outcome<Value = unknown> =
  | { readonly status: "fulfilled"; readonly value: Value }
  | { readonly status: "rejected"; readonly reason: unknown };
