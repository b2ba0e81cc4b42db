import {
  type Configuration,
  currentConfiguration,
  layersOf,
  type Place,
  tellMade,
} from "./kernel/configured.js";
import { nearest } from "./kernel/nearest.js";
import { show } from "./kernel/show.js";
import type { AnyPolicy } from "./policies/pipeline/nest.js";
import { checked } from "./policies/pipeline/pipeline.js";
import type { RetryBudget } from "./policies/retry/retry-budget.js";
import { makeResilient, type PartedPipeline } from "./resilient.js";
import { optionsOfPart, type ResilientParts } from "./resilient-options.js";

type PartName = keyof ResilientParts;

/** What makes or finds the parts of a pipeline: a registry. */
export interface PartRegistry {
  /** One that is only named is found, one with options is made. */
  part(
    kind: Exclude<PartName, "totalTimeout">,
    name: string,
    options: object | undefined,
    place: Place | undefined,
  ): AnyPolicy;
  retryBudget(name: string): RetryBudget;
}

function configuredParts(configuration: Configuration, name: string): Readonly<Record<string, unknown>> {
  return layersOf(configuration, "pipelines", { name })[1] ?? {};
}

// Outside of what follows: kept by a configuration that is followed, it must not lead to a registry and its components.
function placeOf(name: string, part: PartName): Place {
  return (configuration) => optionsOfPart(part, configuredParts(configuration, name)[part]);
}

/** What is wrong with a pipeline that was given no policy: most likely its name. */
function withoutPolicies(configuration: Configuration, name: string): string {
  const what = `pipeline ${show(name)} needs at least one policy; got none`;
  const known = Object.keys(configuration["pipelines"]?.instances ?? {});
  if (known.includes(name)) return `${what}.`;
  if (known.length === 0) return `${what}, and there are none in pipelines of the configuration.`;
  const meant = nearest(name, known);
  const advice = meant === undefined ? `known are ${known.join(", ")}.` : `did you mean ${meant}?`;
  return `${what}, and it is not in pipelines of the configuration; ${advice}`;
}

/** Makes the pipeline of that name from the configuration and the overrides, of components of the registry. */
export function configuredPipeline(
  name: string,
  given: object | undefined,
  registry: PartRegistry,
): PartedPipeline<unknown> {
  const configuration = currentConfiguration();
  // An override that is undefined counts as not given.
  const overrides = Object.fromEntries(Object.entries(given ?? {}).filter(([, part]) => part !== undefined));
  const all = { ...configuredParts(configuration, name), ...overrides };
  if (Object.keys(all).length === 0) throw new TypeError(withoutPolicies(configuration, name));
  const isInCode = (part: PartName): boolean => Object.hasOwn(overrides, part);
  const made = makeResilient(
    "Registry.pipeline",
    { ...all, name },
    {
      part(part, { name: partName, ...others }) {
        const kind = part === "totalTimeout" ? "timeout" : part;
        const options = Object.keys(others).length > 0 ? others : undefined;
        const place = placeOf(name, part);
        const isPlaced = !isInCode(part) && place(configuration) !== undefined;
        return registry.part(kind, partName, options, isPlaced ? place : undefined);
      },
      retryBudget: (budget) => registry.retryBudget(budget),
    },
  );
  tellMade(made, "pipeline", { ...overrides, name });
  return checked(made);
}
