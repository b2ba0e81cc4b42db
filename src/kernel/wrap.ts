import { checkFunction } from "./policy.js";
import { show } from "./show.js";

/** Any function; `never` as the rest is what every list of parameters accepts, a generic one included. */
export type AnyFunction = (this: never, ...args: never) => unknown;

/** A function turned into one that always returns a promise. */
export type Promised<This, Args extends readonly unknown[], Result> = (
  this: This,
  ...args: Args
) => Promise<Awaited<Result>>;

/** Wraps a function so that it returns a promise, and is a standard decorator of methods that return one. */
export interface AsyncDecorator<Extra extends object> {
  <This, Args extends unknown[], Result>(
    fn: (this: This, ...args: Args) => Result,
  ): Promised<This, Args, Result> & Readonly<Extra>;
  <This, Args extends unknown[], Result>(
    method: (this: This, ...args: Args) => Promise<Result>,
    context: ClassMethodDecoratorContext<This, (this: This, ...args: Args) => Promise<Result>>,
  ): ((this: This, ...args: Args) => Promise<Result>) & Readonly<Extra>;
}

/** Wraps a synchronous function, and is a standard decorator of synchronous methods. */
export interface SyncDecorator<Extra extends object> {
  <This, Args extends unknown[], Result>(
    fn: (this: This, ...args: Args) => Result,
    context?: ClassMethodDecoratorContext<This, (this: This, ...args: Args) => Result>,
  ): ((this: This, ...args: Args) => Result) & Readonly<Extra>;
}

/** Gives a wrapper the name and the number of parameters of what it wraps, and `extra` as read-only properties. */
export function disguise<Wrapper extends AnyFunction, Extra extends object>(
  wrapper: Wrapper,
  original: AnyFunction,
  extra: Extra,
): Wrapper & Readonly<Extra> {
  Object.defineProperty(wrapper, "name", { value: original.name, configurable: true });
  Object.defineProperty(wrapper, "length", { value: original.length, configurable: true });
  for (const [key, value] of Object.entries(extra)) {
    Object.defineProperty(wrapper, key, { value, enumerable: true });
  }
  return wrapper as Wrapper & Readonly<Extra>;
}

/**
 * Makes what `name({ ... })` returns: called with a function it wraps it, used as `@name({ ... })` it
 * decorates a method. `wrap` must pass `this` on.
 */
export function decorator(
  name: string,
  wrap: (fn: AnyFunction) => AnyFunction,
): (fn: unknown, context?: unknown) => AnyFunction {
  return (fn, context) => {
    if (context !== undefined) {
      const kind: unknown =
        typeof context === "object" && context !== null ? Reflect.get(context, "kind") : undefined;
      if (kind === undefined) {
        throw new TypeError(
          `@${name} is a standard decorator; got the arguments of a legacy one. Turn "experimentalDecorators" off, or wrap the function: ${name}({ ... })(fn).`,
        );
      }
      if (kind !== "method") throw new TypeError(`@${name} decorates methods; got ${show(kind)}.`);
    }
    checkFunction(fn, name);
    return wrap(fn);
  };
}
