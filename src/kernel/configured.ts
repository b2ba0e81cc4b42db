import type { Component } from "./component.js";
import { disposable } from "./disposable.js";

type Options = Readonly<Record<string, unknown>>;

/** One part of the configuration as the kernel sees it: options for all, and by instance name. */
export type Section = Options & { readonly instances?: Readonly<Record<string, Options>> };

/** The configuration as the kernel sees it, by section: checked by whoever made it. */
export type Configuration = Readonly<Record<string, Section>>;

// The ESM and the CommonJS build in one process share one default.
const SLOT = Symbol.for("@kstlib/resilience/configured");

/** What constructors read. */
export interface ConfigurationSource {
  /** Of this moment: a source may replace it. */
  readonly configuration: Configuration;
  /** Told of each component that was made from it, and of the options that its constructor was given. */
  made?(component: Component, kind: string, options: object): void;
}

type Stack = ConfigurationSource[];

function stack(): Stack | undefined {
  return Reflect.get(globalThis, SLOT) as Stack | undefined;
}

/** Makes a source the one that plain constructors read, until the result is disposed of. */
export function pushSource(source: ConfigurationSource): Disposable {
  const entries = stack() ?? [];
  entries.push(source);
  Object.defineProperty(globalThis, SLOT, { value: entries });
  return disposable(() => {
    entries.splice(entries.lastIndexOf(source), 1);
  });
}

/** {@link pushSource} of a checked configuration that stays the same. */
export function pushConfiguration(configuration: Configuration): Disposable {
  // A source of its own, so that one configuration pushed twice is taken back one at a time.
  return pushSource({ configuration });
}

/** What plain constructors read at this moment. */
export function currentSource(): ConfigurationSource {
  return stack()?.at(-1) ?? { configuration: {} };
}

/** The process-wide configuration of this moment. */
export function currentConfiguration(): Configuration {
  return currentSource().configuration;
}

/** Tells the source of its configuration that a component was made. */
export function tellMade(component: Component, kind: string, options: object | undefined): void {
  currentSource().made?.(component, kind, options ?? {});
}

/**
 * What a configuration says of one instance, lowest precedence first: the section, then `instances.<name>`.
 * `given` are the constructor's options, looked at for their `name` alone.
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
