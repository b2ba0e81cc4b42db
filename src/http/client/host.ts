import { realClock, type Clock } from "../../kernel/clock.js";
import type { Component } from "../../kernel/component.js";
import { readContext } from "../../kernel/context.js";
import type { Policy } from "../../kernel/policy.js";
import { startOf, tellStart } from "../../kernel/stage.js";
import type { Outcome } from "../../kernel/outcome.js";
import { Pipeline } from "../../policies/pipeline/pipeline.js";
import { Timeout } from "../../policies/timeout/timeout.js";
import { RateLimiter } from "../../rate-limiter/rate-limiter.js";
import { makeResilient, type PartedPipeline } from "../../resilient.js";
import {
  optionsOfPart,
  partRules,
  type PartStats,
  type ReadParts,
  type ResilientParts,
} from "../../resilient-options.js";
import { discard } from "./body.js";
import type { HostStats } from "./client.js";
import { CoveringTimeout } from "./covering-timeout.js";
import { HttpStatusError } from "./errors.js";
import { Obedience } from "./obedience.js";
import type { HttpClientSettings } from "./options.js";
import type { Verdicts } from "./repeatable.js";

/** The options of a part that is not an instance. */
function optionsOf(part: object, name: string, clock: Clock | undefined): { readonly name: string } {
  return { name, ...(clock && { clock }), ...part };
}

export function isInstance(part: object | undefined): boolean {
  return part !== undefined && "execute" in part;
}

/** Does nothing. */
const NONE: Policy = { execute: async (fn, options) => fn(readContext("execute", options)) };
tellStart(NONE, (inside, fn, context, next) => inside.start(fn, context, next));

/** The policies of one origin. */
export class Host {
  /** Calls under way. */
  running = 0;
  readonly pipeline: PartedPipeline<unknown>;
  /** Without the hedge: for requests that must not be sent twice at once. */
  readonly plain: Pipeline<unknown>;
  readonly obedience: Obedience | undefined;
  readonly #limiter: RateLimiter | undefined;
  /** The one that is forgotten with it. */
  readonly #ownLimiter: RateLimiter | undefined;
  readonly #given: ReadParts;

  /** @param elsewhere finds who obeys the server of a URL. */
  constructor(
    settings: HttpClientSettings,
    parts: ReadParts,
    verdicts: Verdicts,
    elsewhere: (url: string) => Obedience | undefined,
  ) {
    const { rateLimiter, retry, totalTimeout } = parts;
    // Of the client: telemetry tells components by their names, of which there must not be one for each origin.
    const { name, clock } = settings;
    let limiter: RateLimiter | undefined;
    if (isInstance(rateLimiter)) limiter = rateLimiter as RateLimiter;
    else if (rateLimiter !== undefined) limiter = new RateLimiter(optionsOf(rateLimiter, name, clock));
    // A limiter of another kind, such as a shared one, may have no pauses.
    const obeys = settings.obey && (limiter === undefined || typeof limiter.pauseFor === "function");
    const ofLimiter = limiter && optionsOfPart("rateLimiter", rateLimiter)?.["clock"];
    const time = (ofLimiter ?? clock ?? realClock) as Clock;
    const obedience = obeys ? new Obedience(name, limiter, time, elsewhere) : undefined;
    const hasOthers = Object.entries(parts).some(([key, part]) => key !== "hedge" && part !== undefined);
    // A pipeline needs one policy, also without the hedge.
    const first = obedience ?? limiter ?? (hasOthers ? undefined : NONE);
    const all = {
      ...parts,
      ...(first !== undefined && { rateLimiter: first }),
      ...(totalTimeout !== undefined && { totalTimeout: covering(totalTimeout, `${name}-total`, clock) }),
      ...(retry !== undefined && { retry: repeating(optionsOf(retry, name, clock), verdicts) }),
    };
    this.#given = parts;
    this.#limiter = limiter;
    this.#ownLimiter = limiter === rateLimiter ? undefined : limiter;
    this.obedience = obedience;
    const pipeline = makeResilient("resilientFetch", { ...all, name, clock });
    // Before the delay, during which an unread body would keep its connection in use.
    pipeline.retry?.on("retry", ({ outcome }) => {
      const end: unknown = outcome.status === "fulfilled" ? outcome.value : outcome.reason;
      const response = end instanceof HttpStatusError ? end.response : end;
      if (typeof response === "object" && response !== null && "headers" in response) discard(response);
    });
    this.pipeline = pipeline;
    const others = pipeline.policies.filter((policy) => policy !== pipeline.hedge);
    this.plain = pipeline.hedge === undefined ? pipeline : new Pipeline(name, others);
  }

  /** Whether nothing would be lost if it was forgotten. */
  get isIdle(): boolean {
    const circuit = this.pipeline.circuitBreaker;
    const limiter = this.#ownLimiter;
    return (
      this.running === 0 &&
      (circuit === undefined || circuit.state === "closed") &&
      (limiter === undefined || (limiter.tokens >= limiter.burst && limiter.timeUntilToken() === 0)) &&
      (this.obedience?.isIdle ?? true)
    );
  }

  /** What was made for it, by the names of the parts; what obeys the server by none. */
  get own(): ReadonlyMap<string, Component> {
    const own = new Map<string, Component>(this.obedience && [["", this.obedience]]);
    for (const key of Object.keys(partRules) as (keyof ResilientParts)[]) {
      const part = key === "rateLimiter" ? this.#limiter : this.pipeline[key];
      if (part !== undefined && !isInstance(this.#given[key])) own.set(key, part);
    }
    return own;
  }

  get stats(): HostStats {
    // One that is shared by processes does not know it at once.
    const wait: unknown = this.#limiter?.timeUntilToken();
    const obeying = this.obedience?.snapshot();
    // What obeys a server stands in the place of a limiter, also where there is none.
    const parts = Object.entries(this.pipeline.stats).filter(([, part]) => part !== undefined);
    return Object.freeze({
      running: this.running,
      circuit: this.pipeline.circuitBreaker?.state,
      queued: obeying?.queued ?? 0,
      wait: Math.max(typeof wait === "number" ? wait : 0, obeying?.wait ?? 0),
      isRecovering: obeying?.isRecovering ?? false,
      parts: Object.freeze(Object.fromEntries(parts) as Partial<PartStats>),
    });
  }
}

/** The timeout of the whole call. */
function covering(part: object, name: string, clock: Clock | undefined): object {
  const timeout = isInstance(part) ? part : new Timeout(optionsOf(part, name, clock));
  const start = startOf(timeout);
  // A policy of another kind ends the call as it can.
  return start === undefined ? timeout : new CoveringTimeout(timeout as Timeout, start);
}

/** The options of a retry that sends again only what may be. */
function repeating(
  options: { readonly name: string; readonly retryIf?: (outcome: Outcome) => unknown },
  verdicts: Verdicts,
): object {
  const { retryIf } = options;
  return { ...options, retryIf: (outcome: Outcome) => verdicts.allows(outcome, retryIf) };
}
