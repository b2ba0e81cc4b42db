import { unlike } from "./show.js";

/** The types of arguments that identify a call by themselves. */
const PLAIN: ReadonlySet<string> = new Set(["string", "number", "bigint", "boolean", "undefined"]);

/**
 * The key of a call: what `key` returns for its arguments; without one, the arguments themselves.
 *
 * @throws TypeError when it is not a string, or an argument is an object or the like: calls with different objects must
 *   not share what belongs to one of them.
 */
export function keyOfCall(
  args: readonly unknown[],
  key: ((...args: readonly unknown[]) => unknown) | undefined,
): string {
  if (key === undefined) {
    const odd = args.findIndex((arg) => arg !== null && !PLAIN.has(typeof arg));
    if (odd === -1) return JSON.stringify(args.map((arg) => [typeof arg, String(arg)]));
    throw new TypeError(
      unlike(`argument ${odd + 1} of a call without key`, "a string, a number or the like", args[odd]),
    );
  }
  const found = key(...args);
  if (typeof found === "string") return found;
  throw new TypeError(unlike("what key returns", "a string", found));
}
