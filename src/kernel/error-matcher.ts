import { isError } from "./is-error.js";
import { custom, type Rule } from "./rules.js";
import { unlike } from "./show.js";

/**
 * A class of errors, or a function that says whether an error is meant. A constructor written as a function (as
 * before ES2015) is taken for a class only when its prototype is an `Error`; otherwise it is called as a predicate.
 */
export type ErrorMatcher = (abstract new (...args: never[]) => unknown) | ((error: unknown) => boolean);

/** A class has a prototype that cannot be replaced; one written as a function is known by what it extends. */
function isClass(matcher: object): matcher is abstract new (...args: never[]) => unknown {
  const prototype = Object.getOwnPropertyDescriptor(matcher, "prototype");
  return prototype !== undefined && (!prototype.writable || isError(prototype.value));
}

/** The rule of an option that lists {@link ErrorMatcher}s; each becomes a predicate. Default: none. */
export const errorMatchers: Rule<readonly ((error: unknown) => unknown)[]> = custom({
  fallback: [],
  allowed: "an array of error classes and predicates",
  parse(value, label) {
    if (!Array.isArray(value)) throw new TypeError(unlike(label, errorMatchers.allowed, value));
    return value.map((matcher: unknown, index) => {
      if (typeof matcher !== "function") {
        throw new TypeError(unlike(`${label}[${index}]`, "an error class or a predicate", matcher));
      }
      return isClass(matcher)
        ? (error: unknown) => error instanceof matcher
        : (error: unknown): unknown => matcher(error);
    });
  },
});
