import type { LogRules } from "./log-rule.js";

/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The state of a component at one moment: frozen, JSON-serialisable. A flag has the name of its property: `isRunning`. */
export interface Snapshot {
  readonly kind: string;
  readonly name: string;
}

/** The interface of all components: all that a registry, a health check or a dashboard needs. */
export interface Component {
  readonly name: string;
  snapshot(): Snapshot;
  /** Adds a listener of one of the component's events; disposing of the result removes it. */
  on(event: string, listener: (payload: unknown) => unknown): Disposable;
  /** Changes some of its options while it is alive and keeps its state. */
  update?(changes: object): void;
  /** @internal How its events are logged, of a kind that the core has no description of. */
  readonly logRules?: LogRules;
  /**
   * @internal Calls `listen` for each component that it makes for an origin, those there are and later ones, and for those
   * that were given to it. What it returns is disposed of at the end; it goes with a component that is forgotten.
   */
  eachPart?(listen: (part: Component, origin: string | undefined, key: string) => Disposable): Disposable;
}
