import type { AnyPolicy } from "./policies/pipeline/nest.js";
import type { RetryBudget } from "./policies/retry/retry-budget.js";
import type { PartMakers } from "./resilient.js";

/** What makes them, which is a registry. */
interface PartSource {
  fallback(name: string, overrides?: object): AnyPolicy;
  timeout(name: string, overrides?: object): AnyPolicy;
  retry(name: string, overrides?: object): AnyPolicy;
  hedge(name: string, overrides?: object): AnyPolicy;
  rateLimiter(name: string, overrides?: object): AnyPolicy;
  circuitBreaker(name: string, overrides?: object): AnyPolicy;
  bulkhead(name: string, overrides?: object): AnyPolicy;
  retryBudget(name: string): RetryBudget;
}

/** The overrides of a part; `undefined` for one that is only named. */
function withoutName({ name: _name, ...others }: object & { readonly name: string }): object | undefined {
  return Object.keys(others).length > 0 ? others : undefined;
}

/** Makes the parts of a registry's pipelines: its own components. */
export function partsOf(registry: PartSource): PartMakers {
  return {
    fallback: (part) => registry.fallback(part.name, withoutName(part)),
    totalTimeout: (part) => registry.timeout(part.name, withoutName(part)),
    retry: (part) => registry.retry(part.name, withoutName(part)),
    hedge: (part) => registry.hedge(part.name, withoutName(part)),
    rateLimiter: (part) => registry.rateLimiter(part.name, withoutName(part)),
    circuitBreaker: (part) => registry.circuitBreaker(part.name, withoutName(part)),
    bulkhead: (part) => registry.bulkhead(part.name, withoutName(part)),
    timeout: (part) => registry.timeout(part.name, withoutName(part)),
    retryBudget: (name) => registry.retryBudget(name),
  };
}
