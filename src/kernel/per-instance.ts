/** Provides one shared object, or one for each instance of a class. */
export interface Shared<Owned> {
  /** The shared one; with one for each instance, it is for calls without an instance. */
  readonly shared: Owned;
  readonly of: (instance: unknown) => Owned;
}

/** Makes the shared object now, and with `isEach` one for each instance on first use. */
export function sharedOrEach<Owned>(make: () => Owned, isEach: boolean): Shared<Owned> {
  const shared = make();
  const instances = new WeakMap<object, Owned>();
  const of = (instance: unknown): Owned => {
    if (!isEach || typeof instance !== "object" || instance === null) return shared;
    let own = instances.get(instance);
    if (own === undefined) {
      own = make();
      instances.set(instance, own);
    }
    return own;
  };
  return { shared, of };
}
