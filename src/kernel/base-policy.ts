import { throwIfAborted } from "./abort.js";
import type { Component, Snapshot } from "./component.js";
import {
  type Context,
  contextFor,
  contextOfCall,
  type ExecuteOptions,
  type ExecutionContext,
  readContext,
} from "./context.js";
import { Events, type Listener } from "./events.js";
import { checkFunction, type Policy, type SyncPolicy } from "./policy.js";
import { Printed } from "./printed.js";
import { synchronous, type NotAPromise, type Synchronous } from "./synchronous.js";
import { type AnyFunction, type AsyncOf, type SyncOf, type SyncRest } from "./wrap.js";
import { onePolicy, wrapCalls } from "./wrapper.js";

/** Properties added to a function that a policy protects. */
export interface Wrapped<Owned> {
  /** The policy of all calls; with `perInstance`, of the calls without an instance. */
  readonly policy: Owned;
  /** The policy of the calls on this instance: `policy` unless `perInstance` was asked for. */
  readonly policyOf: (instance: unknown) => Owned;
}

/** What a policy runs: it returns its result or a promise of it. */
export type Work<Result> = (context: ExecutionContext) => Result | PromiseLike<Result>;

/** With the property that is only a type: from it a pipeline knows what its policies give. */
// oxlint-disable-next-line no-unused-vars, typescript/no-unsafe-declaration-merging -- a class cannot declare a property whose key is a type's
export interface BasePolicy<Payloads extends object, Instead = never> extends Policy<Instead> {}

/** A policy that is a component: what all of them have in common over a way to run one function. */
export abstract class BasePolicy<Payloads extends object, Instead = never>
  extends Printed
  implements Component, Policy<Instead>
{
  readonly name: string;
  protected readonly events: Events<Payloads>;

  constructor(kind: string, name: string, events: readonly (keyof Payloads & string)[]) {
    super();
    this.name = name;
    this.events = new Events(`${kind} "${name}"`, events, { kind, name });
  }

  /** A frozen copy of the totals. */
  abstract get stats(): object;

  abstract override snapshot(): Snapshot;

  /**
   * Runs `fn` under the policy. When `options.signal` aborts, the promise rejects at once with its reason; a signal that
   * is aborted already keeps `fn` from running.
   *
   * @throws never synchronously; rejects with what `fn` throws, the policy's own error, or `signal.reason`.
   */
  execute<Result>(fn: Work<Result>, options?: ExecuteOptions): Promise<Result | Instead> {
    try {
      checkFunction(fn, "execute");
      const context = readContext("execute", options);
      throwIfAborted(context.source);
      return this.run(fn, context);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Calls `fn(...args)` under the policy. Never throws synchronously; rejects as {@link execute} does. */
  call<Args extends unknown[], Result>(
    fn: (...args: Args) => Result,
    ...args: Args
  ): Promise<Awaited<Result> | Instead>;
  call<Args extends unknown[]>(fn: (...args: Args) => unknown, ...args: Args): Promise<unknown> {
    try {
      checkFunction(fn, "call");
      return this.run(() => fn(...args), contextOfCall(args));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Makes a function that calls `fn` under the policy: the same `this` and parameters, always a promise. */
  wrap<Fn extends AnyFunction>(fn: Fn): AsyncOf<Fn, Instead> & Wrapped<this>;
  wrap(fn: AnyFunction): unknown {
    checkFunction(fn, "wrap");
    return wrapCalls("policy", onePolicy(this), fn, (policy, run, _self, args) => policy.call(run, ...args));
  }

  /** Adds a listener; disposing of the result removes it. What it throws becomes a warning and changes nothing. */
  on<Name extends keyof Payloads & string>(event: Name, listener: Listener<Payloads[Name]>): Disposable {
    return this.events.on(event, listener);
  }

  /** Runs a function under the policy, unless the context is aborted; may throw what it can reject with. */
  protected abstract run<Result>(fn: Work<Result>, context: Context): Promise<Result | Instead>;
}

/** A {@link BasePolicy} that can run synchronous functions, too. */
export abstract class SyncBasePolicy<Payloads extends object, Instead = never>
  extends BasePolicy<Payloads, Instead>
  implements SyncPolicy<Instead>
{
  /**
   * {@link execute} for a synchronous `fn`, whose result must not be a promise. A signal that is aborted already keeps
   * it from running; nothing can end it once it runs.
   *
   * @throws what `fn` throws, the policy's own error, or `signal.reason`.
   */
  executeSync<Result>(
    fn: ((context: ExecutionContext) => Result) & Synchronous<Result>,
    options?: ExecuteOptions,
  ): NotAPromise<Result> | Instead {
    checkFunction(fn, "executeSync");
    const context = readContext("executeSync", options);
    throwIfAborted(context.source);
    return this.runSync(
      (inner: Context) => synchronous(fn(contextFor(fn, inner)), "Use execute for it."),
      context,
    );
  }

  /** Calls the synchronous `fn(...args)` under the policy and returns its result. */
  callSync<Args extends unknown[], Result>(
    fn: ((...args: Args) => Result) & Synchronous<Result>,
    ...args: Args
  ): NotAPromise<Result> | Instead {
    checkFunction(fn, "callSync");
    const run = (): NotAPromise<Result> => synchronous(fn(...args), "Use call for it.");
    return this.runSync(run, contextOfCall(args));
  }

  /** Makes a function that calls the synchronous `fn` under the policy: same `this` and parameters. */
  wrapSync<Fn extends AnyFunction>(
    fn: Fn,
    ...refused: SyncRest<Fn>
  ): SyncOf<Fn, PromiseLike<unknown>, Instead> & Wrapped<this>;
  wrapSync(fn: AnyFunction): unknown {
    checkFunction(fn, "wrapSync");
    return wrapCalls("policy", onePolicy(this), fn, (policy, run, _self, args) =>
      policy.callSync(run, ...args),
    );
  }

  /** Runs a synchronous function under the policy. */
  protected abstract runSync<Result>(fn: (context: Context) => Result, context: Context): Result | Instead;
}
