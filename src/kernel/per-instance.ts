/** Gives out one of something for everybody, or one for each instance of a class. */
export interface Shared<Owned> {
  /** The one for everybody; for calls without an instance when each has its own. */
  readonly shared: Owned;
  readonly of: (instance: unknown) => Owned;
}

/** Makes the shared one now, and with `isEach` one for each instance when it is first asked for. */
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
