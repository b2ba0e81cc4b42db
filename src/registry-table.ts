import type { Component } from "./kernel/component.js";
import { type ConfigurationSource, currentConfiguration, type Place } from "./kernel/configured.js";
import type { ComponentDescriptor } from "./kernel/descriptor.js";
import { disposable } from "./kernel/disposable.js";
import type { Listener } from "./kernel/events.js";
import { checkName } from "./kernel/nearest.js";
import { checkSame } from "./kernel/options.js";
import { show, unlike } from "./kernel/show.js";
import { runContained } from "./kernel/warning.js";

/** A component as the table sees it. */
export type AnyComponent = Component & Partial<Disposable & AsyncDisposable>;

/** An event of any component, with its kind and name. */
export interface AnyEvent {
  readonly kind: string;
  readonly name: string;
  readonly event: string;
  readonly payload: unknown;
}

/** Selects the events that a listener gets. */
export type EventFilter = (kind: string, event: string) => boolean;

/** A component and how it was made. */
class Entry {
  readonly descriptor: ComponentDescriptor<AnyComponent, object>;
  readonly component: AnyComponent;
  readonly options: object;
  readonly place: Place | undefined;
  constructor(
    descriptor: ComponentDescriptor<AnyComponent, object>,
    component: AnyComponent,
    options: object,
    place: Place | undefined,
  ) {
    this.descriptor = descriptor;
    this.component = component;
    this.options = { ...options };
    this.place = place;
  }

  async end(): Promise<void> {
    const { component, descriptor } = this;
    if (descriptor.only !== undefined) await descriptor.only.end(component);
    else if (component[Symbol.asyncDispose] === undefined) component[Symbol.dispose]?.();
    else await component[Symbol.asyncDispose]?.();
  }
}

/** One subscription to a table: a function added twice has two, each removed separately. */
class Audience {
  readonly #listener: Listener<AnyEvent>;
  readonly #filter: EventFilter;
  readonly #subscriptions = new Map<Entry, readonly Disposable[]>();

  constructor(listener: Listener<AnyEvent>, filter: EventFilter) {
    this.#listener = listener;
    this.#filter = filter;
  }

  /** Subscribes only to selected events, so that components need not make the payloads of others. */
  add(entry: Entry): void {
    const { component, descriptor } = entry;
    const { kind } = descriptor;
    const events = Object.keys(descriptor.events).filter((event) => this.#filter(kind, event));
    const tell = (event: string, payload: unknown): void =>
      runContained("a listener of the registry", this.#listener, {
        kind,
        name: component.name,
        event,
        payload,
      });
    this.#subscriptions.set(
      entry,
      events.map((event) => component.on(event, (payload) => tell(event, payload))),
    );
  }

  remove(entry: Entry): void {
    for (const subscription of this.#subscriptions.get(entry) ?? []) subscription[Symbol.dispose]();
    this.#subscriptions.delete(entry);
  }

  end(): void {
    for (const entry of this.#subscriptions.keys()) this.remove(entry);
  }
}

/** Of the options by which a component was made, those that the code has given. */
export function givenBy(component: Component, options: object, place: Place | undefined): object {
  return place === undefined ? options : { name: component.name };
}

/** `circuit-breaker` in a sentence. */
function spoken(kind: string): string {
  return kind.replaceAll("-", " ");
}

/** The components of a registry, by kind and name. */
export class RegistryTable {
  /** In the order of creation. */
  readonly #entries = new Set<Entry>();
  readonly #byKind: ReadonlyMap<string, Map<string, Entry>>;
  readonly #audiences = new Set<Audience>();

  constructor(kinds: readonly string[]) {
    this.#byKind = new Map(kinds.map((kind) => [kind, new Map<string, Entry>()]));
  }

  /**
   * The component of that kind and name; created if there is none.
   *
   * @param place where its options come from, if not from the code.
   * @throws TypeError when there is one that was made with other overrides.
   */
  get<Instance extends AnyComponent>(
    descriptor: ComponentDescriptor<Instance, object>,
    name: string,
    options: object,
    place: Place | undefined,
    make: () => Instance,
  ): Instance {
    const { kind } = descriptor;
    const entries = this.#of(kind, name);
    const found = entries.get(name);
    if (found !== undefined) {
      // What both have from one place of the configuration is the same, also if it has changed since.
      const placed = place === undefined ? undefined : found.place?.(currentConfiguration());
      checkSame(`${spoken(kind)} ${show(name)}`, { ...found.options, ...placed }, options);
      // Only this descriptor makes the components of its kind.
      return found.component as Instance;
    }
    const component = make();
    const entry = new Entry(descriptor, component, options, place);
    entries.set(name, entry);
    this.#entries.add(entry);
    for (const audience of this.#audiences) audience.add(entry);
    return component;
  }

  /** Forgets a component at once and ends it; resolves with whether it existed. */
  async release(kind: string, name: string): Promise<boolean> {
    checkName(kind, Object.fromEntries(this.#byKind), "a kind of component");
    const entries = this.#of(kind, name);
    const entry = entries.get(name);
    if (entry === undefined) return false;
    entries.delete(name);
    this.#entries.delete(entry);
    const { component, descriptor } = entry;
    try {
      if (descriptor.only === undefined) await entry.end();
      else descriptor.only.release(component);
    } finally {
      for (const audience of this.#audiences) audience.remove(entry);
    }
    return true;
  }

  /** Adds a listener of the events of all components, including those created later. */
  on(listener: Listener<AnyEvent>, filter: EventFilter): Disposable {
    if (typeof listener !== "function") {
      throw new TypeError(unlike("the listener of a registry", "a function", listener));
    }
    const audience = new Audience(listener, filter);
    this.#audiences.add(audience);
    for (const entry of this.#entries) audience.add(entry);
    return disposable(() => {
      this.#audiences.delete(audience);
      audience.end();
    });
  }

  *[Symbol.iterator](): IterableIterator<Component> {
    for (const { component } of this.#entries) yield component;
  }

  /** The names of the components of a kind. */
  names(kind: string): Iterable<string> {
    return this.#byKind.get(kind)?.keys() ?? [];
  }

  /** Reports the components, and the options they were created with, to a configuration source. */
  tellMade(source: ConfigurationSource): void {
    for (const { component, descriptor, options, place } of this.#entries) {
      source.made?.(component, descriptor.kind, givenBy(component, options, place), place);
    }
  }

  /** The snapshots of the components of a kind, by name; frozen. */
  snapshots<Instance extends AnyComponent>(
    descriptor: ComponentDescriptor<Instance, object>,
  ): Readonly<Record<string, ReturnType<Instance["snapshot"]>>> {
    type Told = ReturnType<Instance["snapshot"]>;
    const found = [...(this.#byKind.get(descriptor.kind) ?? [])];
    return Object.freeze(
      Object.fromEntries(found.map(([name, { component }]) => [name, component.snapshot() as Told])),
    );
  }

  /** Ends the components that an application has only one of, or all others: the newest first, each even if another throws. */
  async end(which: "only" | "others"): Promise<readonly unknown[]> {
    const failures: unknown[] = [];
    for (const entry of [...this.#entries].toReversed()) {
      if ((which === "only") !== (entry.descriptor.only !== undefined)) continue;
      try {
        await entry.end();
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  #of(kind: string, name: unknown): Map<string, Entry> {
    const entries = this.#byKind.get(kind);
    if (entries !== undefined && typeof name === "string" && name !== "") return entries;
    throw new TypeError(`the name of a ${spoken(kind)} must be a non-empty string; got ${show(name)}.`);
  }
}
