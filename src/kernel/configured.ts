import type { Component } from "./component.js";
import { disposable } from "./disposable.js";
import { join } from "./living.js";

type Options = Readonly<Record<string, unknown>>;

/** One part of the configuration as the kernel sees it: options for all, and by instance name. */
export type Section = Options & { readonly instances?: Readonly<Record<string, Options>> };

/** The configuration as the kernel sees it, by section: already checked. */
export type Configuration = Readonly<Record<string, Section>>;

// The ESM and the CommonJS build in one process share one default.
const SLOT = Symbol.for("@kstlib/resilience/configured");

/**
 * The options that a configuration has for one component alone, over those of its section; `undefined` when it has none
 * there.
 */
export type Place = (configuration: Configuration) => Options | undefined;

/** Where constructors read the configuration. */
export interface ConfigurationSource {
  /** The current configuration; a source may replace it. */
  readonly configuration: Configuration;
  /**
   * Called for each component created from it, with the options given to its constructor.
   *
   * @param place where its options come from, except its name, if not from the code.
   */
  made?(component: Component, kind: string, options: object, place?: Place): void;
  /** The retry budget that all share which name it; `make` makes it for the first of them. */
  retryBudget?(name: string, make: () => Component): Component;
  /** What is made is only tried out: it is no component of the application. */
  readonly isTrial?: boolean;
  /** The names of the instances of a section that were made in code, and can be named as those of the configuration. */
  readonly madeNames?: (section: string) => Iterable<string>;
}

type Stack = ConfigurationSource[];

function stack(): Stack | undefined {
  return Reflect.get(globalThis, SLOT) as Stack | undefined;
}

/** Makes plain constructors read this source until the result is disposed of. */
export function pushSource(source: ConfigurationSource): Disposable {
  const entries = stack() ?? [];
  entries.push(source);
  Object.defineProperty(globalThis, SLOT, { value: entries });
  return disposable(() => {
    entries.splice(entries.lastIndexOf(source), 1);
  });
}

/** {@link pushSource} for a checked configuration that does not change. */
export function pushConfiguration(configuration: Configuration): Disposable {
  // A new source each time, so that a configuration pushed twice is removed one push at a time.
  return pushSource({ configuration, retryBudget: onePerName() });
}

/** Makes a component for the first who asks for a name; all others who do get the same. */
export function onePerName(): (name: string, make: () => Component) => Component {
  const made = new Map<string, Component>();
  return (name, make) => {
    const component = made.get(name) ?? make();
    made.set(name, component);
    return component;
  };
}

/** The source that plain constructors read now. */
export function currentSource(): ConfigurationSource {
  return stack()?.at(-1) ?? { configuration: {} };
}

/** The current process-wide configuration. */
export function currentConfiguration(): Configuration {
  return currentSource().configuration;
}

/** The names of the instances of a section that an option can name. */
export function namedInstances(section: string): readonly string[] {
  const { configuration, madeNames } = currentSource();
  return [
    ...new Set([...Object.keys(configuration[section]?.instances ?? {}), ...(madeNames?.(section) ?? [])]),
  ];
}

/** Adds a new component to the list of all, and reports it to the source of its configuration. */
export function tellMade(component: Component, kind: string, options: object | undefined): void {
  const source = currentSource();
  if (source.isTrial) return;
  join(component);
  source.made?.(component, kind, options ?? {});
}

/** Makes something that nobody uses, to see whether it can be made: by the same configuration, but known to nobody. */
export function tryOut<Made>(make: () => Made): Made {
  const { configuration, madeNames } = currentSource();
  const pushed = pushSource({ configuration, isTrial: true, ...(madeNames && { madeNames }) });
  try {
    return make();
  } finally {
    pushed[Symbol.dispose]();
  }
}

/**
 * The options that a configuration has for one instance, lowest precedence first: the section, then `instances.<name>`.
 * `given` are the constructor's options, of which only `name` is read.
 */
export function layersOf(configuration: Configuration, section: string, given: unknown): readonly Options[] {
  const found = configuration[section];
  if (found === undefined) return [];
  const { instances = {} } = found;
  const name = (given as { readonly name?: unknown } | null | undefined)?.name;
  const named = typeof name === "string" && Object.hasOwn(instances, name) ? instances[name] : undefined;
  return named === undefined ? [found] : [found, named];
}

/** {@link layersOf} the configuration that plain constructors read. */
export function configuredLayers(section: string, given: unknown): readonly Options[] {
  return layersOf(currentConfiguration(), section, given);
}
