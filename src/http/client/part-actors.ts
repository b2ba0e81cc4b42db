import type { Actor } from "../../kernel/actor.js";
import { resolveOptions } from "../../kernel/options.js";
import { hedgeRules } from "../../policies/hedge/options.js";
import { actorsOf } from "../../policies/pipeline/no-effect.js";
import { retryRules } from "../../policies/retry/options.js";
import { leastDelay } from "../../policies/retry/own-delay.js";
import { timeoutRules } from "../../policies/timeout/options.js";
import { partRules, type ReadParts, type ResilientParts } from "../../resilient-options.js";

function actorFor(key: keyof ResilientParts, options: { readonly name: string }): Actor {
  const { name } = options;
  if (key === "totalTimeout" || key === "timeout") {
    const { timeout } = resolveOptions("Timeout", timeoutRules, options, "timeout");
    return { kind: "timeout", name, seconds: timeout / 1000 };
  }
  if (key === "retry") {
    const { delay } = resolveOptions("Retry", retryRules, options, "retry");
    return { kind: "retry", name, seconds: leastDelay(delay) / 1000 };
  }
  if (key === "hedge") {
    const { delay } = resolveOptions("Hedge", hedgeRules, options, "hedge");
    return { kind: "hedge", name, seconds: delay.min / 1000 };
  }
  return { kind: key === "circuitBreaker" ? "circuit breaker" : "other", name, seconds: 0 };
}

/** The actors that the pipeline of each origin will have: it is made at the first request, which is too late to warn. */
export function partActors(client: string, parts: ReadParts): readonly Actor[] {
  return (Object.keys(partRules) as (keyof ResilientParts)[]).flatMap((key) => {
    const part = parts[key];
    // For what the server asks, each attempt can wait.
    if (key === "rateLimiter") return [{ kind: "other", name: "", seconds: 0 }];
    if (part === undefined) return [];
    if ("execute" in part) return actorsOf([part]);
    const name = part.name ?? (key === "totalTimeout" ? `${client}-total` : client);
    return [actorFor(key, { ...part, name })];
  });
}
