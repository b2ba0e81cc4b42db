import type { Component } from "../../kernel/component.js";

/** Subscribes to a component, of an origin unless all share it. */
export type Listen = Parameters<NonNullable<Component["eachPart"]>>[0];

/** Who listens to the components of all origins. */
export class Follower {
  readonly #listen: Listen;
  /** By who has the components: they are not kept for those that are forgotten. */
  readonly #subscriptions = new WeakMap<object, readonly Disposable[]>();

  constructor(listen: Listen) {
    this.#listen = listen;
  }

  add(owner: object, parts: ReadonlyMap<string, Component>, origin: string | undefined): void {
    const made = [...parts].map(([key, part]) => this.#listen(part, origin, key));
    this.#subscriptions.set(owner, made);
  }

  remove(owner: object): void {
    for (const one of this.#subscriptions.get(owner) ?? []) one[Symbol.dispose]();
  }
}
