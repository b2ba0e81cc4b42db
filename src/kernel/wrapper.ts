import { type OptionRules, ownOptions, resolveOptions } from "./options.js";
import { flag } from "./rules.js";
import { type AnyFunction, decorator, disguise } from "./wrap.js";

/** The policies of a wrapped function: one for all calls, or one for each instance of a class. */
export interface Policies<Owned> {
  /** The policy of all calls; with `perInstance`, of calls without an instance. */
  readonly shared: Owned;
  readonly of: (instance: unknown) => Owned;
  readonly perInstance: boolean;
}

/** One policy for all calls. */
export function onePolicy<Owned>(shared: Owned): Policies<Owned> {
  return { shared, of: () => shared, perInstance: false };
}

function policiesOf<Owned>(make: () => Owned, perInstance: boolean): Policies<Owned> {
  const shared = make();
  if (!perInstance) return onePolicy(shared);
  const instances = new WeakMap<object, Owned>();
  const of = (instance: unknown): Owned => {
    if (typeof instance !== "object" || instance === null) return shared;
    let own = instances.get(instance);
    if (own === undefined) {
      own = make();
      instances.set(instance, own);
    }
    return own;
  };
  return { shared, of, perInstance: true };
}

/** One call of a wrapped function, with its arguments already bound; others are ignored. */
export type Run = (...ignored: unknown[]) => unknown;

/** Makes a function that passes each call to `call`, with the policy of its `this`. */
export function wrapCalls<Owned>(
  property: string,
  policies: Policies<Owned>,
  fn: AnyFunction,
  call: (policy: Owned, run: Run, self: unknown, args: readonly unknown[]) => unknown,
): AnyFunction {
  const wrapped = function (this: never, ...args: never): unknown {
    return call(policies.of(this), () => fn.apply(this, args), this, args);
  };
  return disguise(wrapped, fn, { [property]: policies.shared, [`${property}Of`]: policies.of });
}

/** Defines the wrapper and decorator of one kind of policy. */
export interface Wrapper<Owned, Settings extends object> {
  /** Its name in code: `circuitBreaker`. */
  readonly name: string;
  /** Says what to do with a generator function instead. */
  readonly recipe: string;
  /** The rules of the policy's options, which it checks itself. */
  readonly policyRules: object;
  /** The rules of the wrapper's additional options; `perInstance` comes with every wrapper. */
  readonly rules: OptionRules<Settings>;
  make(options: Readonly<Record<string, unknown>>): Owned;
  /** Returns the function that wraps functions; it must pass `this` on. */
  wrapWith(settings: Settings): (policies: Policies<Owned>, fn: AnyFunction) => AnyFunction;
}

const eachRule = flag(false);

/**
 * What `name(fn)`, `name(options)` and a bare `@name` give: the wrapped function, or a decorator that also wraps
 * functions. One call makes one policy, or with `perInstance` one for each instance.
 */
export function applyWrapper<Owned, Settings extends object>(
  wrapper: Wrapper<Owned, Settings>,
  first: object | undefined,
  context?: unknown,
  descriptor?: unknown,
): unknown {
  const { name, recipe, policyRules, rules } = wrapper;
  const isBare = typeof first === "function" || context !== undefined;
  const given = isBare || first === undefined ? {} : first;
  const { perInstance = false, ...others } = ownOptions(
    name,
    { ...policyRules, ...rules, perInstance: 1 },
    given,
  );
  const pick = (isOwn: boolean): Readonly<Record<string, unknown>> =>
    Object.fromEntries(Object.entries(others).filter(([key]) => Object.hasOwn(rules, key) === isOwn));
  const options = pick(false);
  const wrap = wrapper.wrapWith(resolveOptions(name, rules, pick(true)));
  const policies = policiesOf(() => wrapper.make(options), eachRule.parse(perInstance, "perInstance"));
  const decorate = decorator(name, (fn) => wrap(policies, fn), recipe);
  return isBare ? decorate(first, context, descriptor) : decorate;
}

/** {@link applyWrapper} as a function with the wrapper's name; the overloads of its type are what it gives. */
export function wrapperFunction<Owned, Settings extends object>(
  wrapper: Wrapper<Owned, Settings>,
): (first?: object, context?: unknown, descriptor?: unknown) => unknown {
  const wrap = (first?: object, context?: unknown, descriptor?: unknown): unknown =>
    applyWrapper(wrapper, first, context, descriptor);
  return Object.defineProperty(wrap, "name", { value: wrapper.name });
}
