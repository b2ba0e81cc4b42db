import { checkFunction } from "./policy.js";
import { show } from "./show.js";
import type { IsPromise } from "./synchronous.js";

/** Any function; `never` as the rest is what every list of parameters accepts, a generic one included. */
export type AnyFunction = (this: never, ...args: never) => unknown;

/** A function turned into one that always returns a promise. */
export type Promised<This, Args extends readonly unknown[], Result> = (
  this: This,
  ...args: Args
) => Promise<Awaited<Result>>;

/** Whether functions of the type are nothing but functions, and what they return is nothing but a promise. */
type IsAsync<Fn extends AnyFunction, Result = ReturnType<Fn>> = [keyof Fn, Result, Promise<never>] extends [
  never,
  Promise<unknown>,
  Result,
]
  ? unknown extends Result
    ? false
    : true
  : false;

/**
 * What a wrapper that always returns a promise makes of `Fn`: the same when it returns one already, which keeps
 * its type parameters and overloads. `Instead` is what a call may resolve with in place of the function's result.
 */
export type AsyncOf<Fn extends AnyFunction, Instead = never> = [IsAsync<Fn>, Instead] extends [true, never]
  ? Fn
  : Promised<ThisParameterType<Fn>, Parameters<Fn>, ReturnType<Fn> | Instead>;

/**
 * The parameters after the function of a synchronous wrapper: `Rest`, and for a function that returns a promise one that
 * cannot be given. As a constraint on the function's own type, it would lose its type parameters.
 */
export type SyncRest<Fn extends AnyFunction, Rest extends readonly unknown[] = []> =
  IsPromise<ReturnType<Fn>> extends true
    ? [...Required<Rest>, useTheVariantWithoutSyncForPromises: never]
    : Rest;

/**
 * What a synchronous wrapper makes of `Fn`, whose result may not be `Refused`: the same but for own properties.
 * `Instead` is what a call may return in place of the function's result.
 */
export type SyncOf<Fn extends AnyFunction, Refused = never, Instead = never> = [
  keyof Fn | Extract<ReturnType<Fn>, Refused> | Instead,
] extends [never]
  ? Fn
  : (this: ThisParameterType<Fn>, ...args: Parameters<Fn>) => Exclude<ReturnType<Fn>, Refused> | Instead;

/** Wraps a function so that it returns a promise, and is a decorator of methods that return one. */
export interface AsyncDecorator<Extra extends object, Instead = never> {
  /** As a decorator under `experimentalDecorators`. */
  <Fn extends AnyFunction>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Fn>,
  ): TypedPropertyDescriptor<AsyncOf<Fn, Instead>>;
  <Fn extends AnyFunction>(
    fn: Fn,
    context?: ClassMethodDecoratorContext<never>,
  ): AsyncOf<Fn, Instead> & Readonly<Extra>;
}

/** Wraps a synchronous function, and is a decorator of synchronous methods. */
export interface SyncDecorator<Extra extends object, Refused = never, Instead = never> {
  /** As a decorator under `experimentalDecorators`. */
  <Fn extends AnyFunction>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Fn>,
    ...refused: SyncRest<Fn>
  ): TypedPropertyDescriptor<SyncOf<Fn, Refused, Instead>>;
  <Fn extends AnyFunction>(
    fn: Fn,
    ...context: SyncRest<Fn, [context?: ClassMethodDecoratorContext<never>]>
  ): SyncOf<Fn, Refused, Instead> & Readonly<Extra>;
}

/** An {@link AsyncDecorator} with defaults, and with options what makes another one. */
export type AsyncWrapper<Options, Extra extends object, Instead = never> = AsyncDecorator<Extra, Instead> &
  ((options?: Options) => AsyncDecorator<Extra, Instead>);

/** A {@link SyncDecorator} with defaults, and with options what makes another one. */
export type SyncWrapper<Options, Extra extends object, Refused = never, Instead = never> = SyncDecorator<
  Extra,
  Refused,
  Instead
> &
  ((options?: Options) => SyncDecorator<Extra, Refused, Instead>);

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

interface Metadata {
  getOwnMetadataKeys?(of: object): readonly unknown[];
  getOwnMetadata?(key: unknown, of: object): unknown;
  defineMetadata?(key: unknown, value: unknown, of: object): void;
}

/** Copies what other decorators have noted of a method with `reflect-metadata`, such as the path of a route. */
function copyMetadata(from: object, to: object): void {
  const reflect = Reflect as Metadata;
  for (const key of reflect.getOwnMetadataKeys?.(from) ?? [])
    reflect.defineMetadata?.(key, reflect.getOwnMetadata?.(key, from), to);
}

/**
 * Makes what `name({ ... })` returns: called with a function it wraps it, used as `@name({ ... })` it
 * decorates a method: as a standard decorator, or as one of `experimentalDecorators`, which gets a prototype or class, a key and a
 * descriptor. `wrap` must pass `this` on.
 *
 * @param recipe says what to do with a generator function instead.
 */
export function decorator(
  name: string,
  wrap: (fn: AnyFunction) => AnyFunction,
  recipe?: string,
): (first: unknown, context?: unknown, descriptor?: unknown) => unknown {
  const wrapped = (fn: unknown): AnyFunction => {
    checkFunction(fn, name, recipe);
    return wrap(fn);
  };
  return (first, context, descriptor) => {
    if (context === undefined) return wrapped(first);
    if (typeof context === "object" && context !== null) {
      const kind: unknown = Reflect.get(context, "kind");
      if (kind !== "method") throw new TypeError(`@${name} decorates methods; got ${show(kind)}.`);
      return wrapped(first);
    }
    const method: unknown = (descriptor as PropertyDescriptor | undefined)?.value;
    if (typeof method !== "function")
      throw new TypeError(`@${name} decorates methods; got ${show(context)}, which is none.`);
    const value = wrapped(method);
    copyMetadata(method, value);
    return { ...(descriptor as PropertyDescriptor), value };
  };
}
