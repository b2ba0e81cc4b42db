import type { Actor } from "../../kernel/actor.js";
import { SyncBasePolicy, type Wrapped, type Work } from "../../kernel/base-policy.js";
import { monotonicClock } from "../../kernel/clock.js";
import type { Snapshot } from "../../kernel/component.js";
import { type Context, type ExecuteOptions, readContext } from "../../kernel/context.js";
import { ownOptions } from "../../kernel/options.js";
import { type Outcome, outcomeOf, rejected, unwrap } from "../../kernel/outcome.js";
import { checkFunction, type InsteadOf } from "../../kernel/policy.js";
import { text } from "../../kernel/rules.js";
import { AS_IS, type Inside } from "../../kernel/stage.js";
import { show, unlike } from "../../kernel/show.js";
import { type AsyncDecorator, decorator } from "../../kernel/wrap.js";
import { type AnyPolicy, keysOf, nest, nestSync, type SyncNest } from "./nest.js";
import { actorsOf, warnOfNoEffect } from "./no-effect.js";

/** Options of a `pipeline`. */
export interface PipelineOptions {
  /** Names the pipeline in events. Default `"pipeline"`. */
  readonly name?: string | undefined;
}

/** The state of a pipeline at one moment. */
export interface PipelineSnapshot extends Snapshot {
  readonly kind: "pipeline";
  /** The snapshots of its policies, outermost first. */
  readonly policies: readonly object[];
}

/** The events of a pipeline and what their listeners get. */
export interface PipelineEvents {
  /**
   * A call has settled after `seconds`, all attempts and delays included. `isAborted`: with the reason of its caller's
   * signal.
   */
  settled: { readonly outcome: Outcome; readonly seconds: number; readonly isAborted: boolean };
}

const nameRule = text("pipeline");

/**
 * Nested policies, the first outermost; itself a policy. One signal and one deadline go through all of them. Made by
 * {@link pipeline}.
 */
export class Pipeline<Instead = never> extends SyncBasePolicy<PipelineEvents, Instead> {
  /** Outermost first. */
  readonly policies: readonly AnyPolicy[];
  readonly #parts: readonly string[] | undefined;
  readonly #inside: Inside;
  #sync: SyncNest | undefined;
  readonly #heard: { readonly isThere: boolean };

  /** @param parts the keys of the policies in `stats`; without them their names. */
  constructor(name: string, policies: readonly AnyPolicy[], parts?: readonly string[]) {
    super("pipeline", name, ["settled"]);
    const [first, ...others] = policies;
    if (first === undefined)
      throw new TypeError(`pipeline ${show(name)} needs at least one policy; got none.`);
    for (const [index, policy] of policies.entries()) {
      if (typeof (policy as Partial<AnyPolicy> | null)?.execute !== "function") {
        throw new TypeError(unlike(`policy ${index + 1} of a pipeline`, "a policy with execute", policy));
      }
    }
    this.policies = Object.freeze([first, ...others]);
    this.#parts = parts;
    this.#inside = nest(this.policies);
    this.#heard = this.events.of("settled");
  }

  /**
   * The stats of its policies, outermost first: by the names of the parts if `resilient` or a registry has made it, otherwise
   * by the names of the policies, and by their kinds where several have one name.
   */
  get stats(): Readonly<Record<string, unknown>> {
    const keys = this.#parts ?? keysOf(this.policies);
    const all = this.policies.map((policy, index) => [keys[index], Reflect.get(policy, "stats") as unknown]);
    return Object.freeze(Object.fromEntries(all) as Record<string, unknown>);
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): PipelineSnapshot {
    const policies = this.policies.map((policy) => policy.snapshot?.() ?? {});
    return Object.freeze({ kind: "pipeline", name: this.name, policies: Object.freeze(policies) });
  }

  /** @internal */
  get actsAs(): readonly Actor[] {
    return actorsOf(this.policies);
  }

  /** Protects a method with the pipeline: `@api.decorator`. */
  get decorator(): AsyncDecorator<Wrapped<this>, Instead> {
    return decorator(this.name, (fn) => this.wrap(fn)) as AsyncDecorator<Wrapped<this>, Instead>;
  }

  override execute<Result>(fn: Work<Result>, options?: ExecuteOptions): Promise<Result | Instead> {
    try {
      checkFunction(fn, "execute");
      return this.run(fn, readContext("execute", options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  protected override run<Result>(fn: Work<Result>, context: Context): Promise<Result | Instead> {
    return this.#heard.isThere ? this.#measured(fn, context) : this.#run(fn, context);
  }

  protected override runSync<Result>(fn: (context: Context) => Result, context: Context): Result | Instead {
    const nested = (this.#sync ??= nestSync(this.policies));
    const run = (outer: Context): unknown => nested(fn as Parameters<SyncNest>[0], outer);
    const value = this.#heard.isThere ? this.#measure(context)(outcomeOf(run, context)) : run(context);
    return value as Result | Instead;
  }

  /** Settles as the function does, or with what one of the policies returns instead. */
  #run<Result>(fn: Work<Result>, context: Context): Promise<Result | Instead> {
    return Promise.resolve(this.#inside.start(fn, context, AS_IS)) as Promise<Result | Instead>;
  }

  async #measured<Result>(fn: Work<Result>, context: Context): Promise<Result | Instead> {
    const settle = this.#measure(context);
    let outcome: Outcome;
    try {
      outcome = { status: "fulfilled", value: await this.#run(fn, context) };
    } catch (reason) {
      outcome = rejected(reason);
    }
    return settle(outcome) as Result | Instead;
  }

  /** Begins a call; how it ends is told to the listeners, and is how what it returns ends. */
  #measure({ source }: Context): (outcome: Outcome) => unknown {
    const started = monotonicClock.now();
    return (outcome) => {
      try {
        this.events.emit("settled", {
          outcome,
          seconds: (monotonicClock.now() - started) / 1000,
          isAborted: source?.aborted === true && source.reason === outcome.reason,
        });
      } catch {
        // The stack is used up. The caller gets the outcome all the same.
      }
      return unwrap(outcome);
    };
  }
}

/** Warns of policies that cannot act. Apart from the constructor: one that is made for each of many origins does not. */
export function checked<Made extends Pipeline<unknown>>(made: Made): Made {
  warnOfNoEffect(`pipeline ${show(made.name)}`, made.actsAs);
  return made;
}

/**
 * Nests policies: `pipeline(a, b, c)` runs a function as `a.execute(() => b.execute(() => c.execute(fn)))` would, with one
 * signal and one deadline through all of them. Pass `{ name }` first to name it in events and when it is printed.
 *
 * @throws TypeError for something that is not a policy, or for none.
 * @example
 * ```ts
 * import { CircuitBreaker, pipeline, Retry, Timeout } from "@kstlib/resilience";
 *
 * const api = pipeline(new Retry({ attempts: 2 }), new CircuitBreaker(), new Timeout({ timeout: "2s" }));
 * console.assert((await api.execute(async () => "well")) === "well");
 * ```
 */
export function pipeline<const Policies extends readonly [AnyPolicy, ...AnyPolicy[]]>(
  ...policies: Policies
): Pipeline<InsteadOf<Policies[number]>>;
export function pipeline<const Policies extends readonly [AnyPolicy, ...AnyPolicy[]]>(
  options: PipelineOptions,
  ...policies: Policies
): Pipeline<InsteadOf<Policies[number]>>;
export function pipeline(...given: readonly unknown[]): unknown {
  const [first, ...others] = given;
  const isPolicy = typeof (first as Partial<AnyPolicy> | null | undefined)?.execute === "function";
  if (isPolicy || typeof first !== "object" || first === null)
    return checked(new Pipeline("pipeline", given as AnyPolicy[]));
  const { name = nameRule.fallback } = ownOptions("pipeline", { name: nameRule }, first);
  return checked(new Pipeline(nameRule.parse(name, "name"), others as AnyPolicy[]));
}
