/**
 * Those who wait with a signal: one listener for each signal, however many wait with it. An `EventTarget`
 * looks through all its listeners to add or remove one, so a listener each would make a crowd quadratic.
 */
export class AbortGroups<Member extends { readonly signal: AbortSignal | undefined }> {
  readonly #groups = new Map<EventTarget | null, Set<Member>>();
  readonly #abort: ({ target }: Event) => void;

  /** @param onAbort is given all members with a signal that aborts; it has to remove them. */
  constructor(onAbort: (members: ReadonlySet<Member>) => void) {
    this.#abort = ({ target }) => onAbort(this.#groups.get(target) ?? new Set());
  }

  add(member: Member): void {
    const { signal } = member;
    if (signal === undefined) return;
    const group = this.#groups.get(signal) ?? new Set();
    if (group.size === 0) {
      this.#groups.set(signal, group);
      signal.addEventListener("abort", this.#abort);
    }
    group.add(member);
  }

  remove(member: Member): void {
    const { signal } = member;
    if (signal === undefined) return;
    const group = this.#groups.get(signal);
    if (!group?.delete(member) || group.size > 0) return;
    this.#groups.delete(signal);
    signal.removeEventListener("abort", this.#abort);
  }
}
