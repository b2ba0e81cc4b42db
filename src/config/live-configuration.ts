import { isDeepStrictEqual } from "node:util";
import { components } from "../descriptors.js";
import type { Component } from "../kernel/component.js";
import {
  type Configuration,
  type ConfigurationSource,
  layersOf,
  onePerName,
  type Place,
} from "../kernel/configured.js";
import type { ConfiguredOptions } from "../kernel/descriptor.js";
import { isPlainObject } from "../kernel/plain-object.js";

/** The effect of a changed configuration on one live component. Options have their names in code. */
export interface ComponentChange {
  /** The `kind` in its snapshots. */
  readonly kind: string;
  readonly name: string;
  /** The options that have new values now. */
  readonly changed: readonly string[];
  /** The options that stay as they are while the component is alive: a restart is needed for them. */
  readonly ignored: readonly string[];
  /** The options that stay because its constructor was given them. */
  readonly overridden: readonly string[];
  /** Why `ignored` has the rest, too: the new values do not go with options that the constructor was given. */
  readonly error?: unknown;
}

// Looked for each time: a table made when the module is loaded would keep all components in every bundle of `loadConfig`.
function configuredOf(kind: string): ConfiguredOptions | undefined {
  return Object.values(components).find((descriptor) => descriptor.kind === kind)?.configured;
}

interface Follower {
  /** Weak, so that following a file does not keep a component from being collected. */
  readonly component: WeakRef<Component>;
  readonly kind: string;
  readonly configured: ConfiguredOptions;
  /** The name that selects its instance in the configuration, if its constructor was given one. */
  readonly named: { readonly name?: unknown };
  /** Its own place in the configuration, if it has one. */
  readonly place: Place | undefined;
  /** The options that its constructor was given. Not their values, which may lead to the component. */
  readonly given: ReadonlySet<string>;
  /** The configuration that it has now. */
  configuration: Configuration;
}

/** The number of collected components at which the list is cleaned up. */
const MOST_GONE = 64;

/** @param isApart whether an option is that of a component which follows by itself. */
function changeOf(
  follower: Follower,
  component: Component,
  after: Configuration,
  isApart: (option: string) => boolean,
): ComponentChange | undefined {
  const { kind, configured, named, given, place } = follower;
  const settings = [follower.configuration, after].map((configuration) =>
    Object.assign({}, ...layersOf(configuration, configured.section, named), place?.(configuration)),
  ) as Readonly<Record<string, unknown>>[];
  const changes: Record<string, unknown> = {};
  const ignored: string[] = [];
  const overridden: string[] = [];
  for (const [option, rule] of Object.entries(configured.rules)) {
    const values = settings.map((one) => one[option] ?? rule.fallback);
    if (isDeepStrictEqual(values[0], values[1])) continue;
    // As the rule reads them: "60s" and "1m" are the same. Instances of classes cannot be compared.
    const [old, now] = values.map((value) => (value === undefined ? value : rule.parse(value, option)));
    if ((typeof now !== "object" || isPlainObject(now)) && isDeepStrictEqual(old, now)) continue;
    if (given.has(option)) overridden.push(option);
    else if (configured.live?.includes(option)) changes[option] = values[1] ?? null;
    else if (!isApart(option)) ignored.push(option);
  }
  const changed = Object.keys(changes);
  if (changed.length + ignored.length + overridden.length === 0) return undefined;
  const about = { kind, name: component.name, overridden };
  try {
    if (changed.length > 0) component.update?.(changes);
    return { ...about, changed, ignored };
  } catch (error) {
    return { ...about, changed: [], ignored: [...ignored, ...changed], error };
  }
}

/** A configuration that can be replaced: components created from it take over the options that can change. */
export class LiveConfiguration implements ConfigurationSource {
  readonly retryBudget: Required<ConfigurationSource>["retryBudget"] = onePerName();
  #configuration: Configuration;
  readonly #followers = new Set<Follower>();
  readonly #places = new WeakMap<object, Place>();
  #tidyAt = MOST_GONE;
  #isEnded = false;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  made(component: Component, kind: string, options: object, place?: Place): void {
    const configured = configuredOf(kind);
    if (this.#isEnded || configured === undefined) return;
    if (this.#followers.size >= this.#tidyAt) this.#tidy();
    const given = Object.entries(options).flatMap(([option, value]) => (value === undefined ? [] : [option]));
    const { name }: { readonly name?: unknown } = options;
    if (place !== undefined) this.#places.set(component, place);
    this.#followers.add({
      component: new WeakRef(component),
      kind,
      configured,
      named: { name },
      place,
      given: new Set(given),
      configuration: this.#configuration,
    });
  }

  /** Replaces the configuration; returns the effect on each live component. */
  replace(configuration: Configuration): readonly ComponentChange[] {
    // Before the changes, whose listeners may create components.
    this.#configuration = configuration;
    const changes: ComponentChange[] = [];
    for (const follower of this.#followers) {
      const component = follower.component.deref();
      if (component === undefined) {
        this.#followers.delete(follower);
        continue;
      }
      // Not `configuration`: a listener may have replaced it meanwhile.
      const now = this.#configuration;
      // The pipeline that it was made for is now to have another part, or none: it stays as it is.
      if (follower.place !== undefined && follower.place(now) === undefined) continue;
      const isApart = (option: string): boolean => this.#placeOf(component, option)?.(now) !== undefined;
      const change = changeOf(follower, component, now, isApart);
      follower.configuration = this.#configuration;
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }

  /** The place of a part that a component has as its property. */
  #placeOf(component: Component, property: string): Place | undefined {
    const part: unknown = Reflect.get(component, property);
    return typeof part === "object" && part !== null ? this.#places.get(part) : undefined;
  }

  /** Stops updating components; the configuration stays. */
  end(): void {
    this.#isEnded = true;
    this.#followers.clear();
  }

  #tidy(): void {
    for (const follower of this.#followers) {
      if (follower.component.deref() === undefined) this.#followers.delete(follower);
    }
    this.#tidyAt = 2 * this.#followers.size + MOST_GONE;
  }
}
