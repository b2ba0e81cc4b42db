import { configuredLayers, tellMade } from "./kernel/configured.js";
import type { AnyPolicy } from "./policies/pipeline/nest.js";
import type { RetryBudget } from "./policies/retry/retry-budget.js";
import { makeResilient, type PartedPipeline, type PartMakers } from "./resilient.js";

type Getter = (name: string, overrides?: object) => AnyPolicy;

/** What makes or finds the parts of a pipeline: the methods of a registry. */
interface Getters {
  readonly fallback: Getter;
  readonly timeout: Getter;
  readonly retry: Getter;
  readonly hedge: Getter;
  readonly rateLimiter: Getter;
  readonly circuitBreaker: Getter;
  readonly bulkhead: Getter;
  readonly adaptiveLimiter: Getter;
  retryBudget(name: string): RetryBudget;
}

/** Gets the parts of a pipeline from a registry, by name and with the options, if any, as overrides. */
function registryParts(registry: Getters): PartMakers {
  const part =
    (kind: Exclude<keyof Getters, "retryBudget">) =>
    ({ name, ...others }: { readonly name: string }): AnyPolicy =>
      registry[kind](name, Object.keys(others).length > 0 ? others : undefined);
  return {
    fallback: part("fallback"),
    totalTimeout: part("timeout"),
    retry: part("retry"),
    hedge: part("hedge"),
    rateLimiter: part("rateLimiter"),
    circuitBreaker: part("circuitBreaker"),
    bulkhead: part("bulkhead"),
    adaptiveLimiter: part("adaptiveLimiter"),
    timeout: part("timeout"),
    retryBudget: (name) => registry.retryBudget(name),
  };
}

/** Makes the pipeline of that name from the configuration and the overrides, of components of the registry. */
export function configuredPipeline(
  registry: Getters,
  name: string,
  overrides: object | undefined,
): PartedPipeline<unknown> {
  const [, configured = {}] = configuredLayers("pipelines", { name });
  const options = { ...configured, ...overrides, name };
  const pipeline = makeResilient("Registry.pipeline", options, registryParts(registry));
  tellMade(pipeline, "pipeline", { ...overrides, name });
  return pipeline;
}
