interface Group<Member> {
  readonly members: Set<Member>;
  readonly forget: () => void;
}

/**
 * Those who wait with a signal: one listener for each signal, however many wait with it. An `EventTarget`
 * looks through all its listeners to add or remove one, so a listener each would make a crowd quadratic.
 */
export class AbortGroups<Member> {
  readonly #groups = new Map<AbortSignal, Group<Member>>();
  readonly #onAbort: (members: ReadonlySet<Member>, reason: unknown) => void;

  constructor(onAbort: (members: ReadonlySet<Member>, reason: unknown) => void) {
    this.#onAbort = onAbort;
  }

  add(member: Member, signal: AbortSignal): void {
    let group = this.#groups.get(signal);
    if (group === undefined) {
      const members = new Set<Member>();
      const abort = (): void => {
        this.#groups.delete(signal);
        this.#onAbort(members, signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      group = { members, forget: () => signal.removeEventListener("abort", abort) };
      this.#groups.set(signal, group);
    }
    group.members.add(member);
  }

  remove(member: Member, signal: AbortSignal): void {
    const group = this.#groups.get(signal);
    if (group === undefined) return;
    group.members.delete(member);
    if (group.members.size > 0) return;
    this.#groups.delete(signal);
    group.forget();
  }
}
