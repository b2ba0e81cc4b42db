/** A call that a half-open circuit admitted. */
export interface Probe {
  readonly kind: "probe";
  /** The era of the circuit that admitted it. */
  readonly era: number;
  /** When it counts as failed, unless it has settled. */
  readonly deadline: number;
}

interface Link extends Probe {
  before: Link | undefined;
  after: Link | undefined;
  isUnderWay: boolean;
}

/**
 * The probes under way of one half-open state, in the order of their deadlines, which is that of admission unless the
 * limits change: a linked list, so that adding or removing one takes constant time.
 */
export class Probes {
  #first: Link | undefined;
  #last: Link | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one whose deadline comes first. */
  get first(): Probe | undefined {
    return this.#first;
  }

  add(era: number, deadline: number): Probe {
    let before = this.#last;
    while (before !== undefined && before.deadline > deadline) before = before.before;
    const after = before === undefined ? this.#first : before.after;
    const link: Link = { kind: "probe", era, deadline, before, after, isUnderWay: true };
    if (before === undefined) this.#first = link;
    else before.after = link;
    if (after === undefined) this.#last = link;
    else after.before = link;
    this.#size++;
    return link;
  }

  /** Removes a probe; returns whether it was under way. */
  remove(probe: Probe): boolean {
    const link = probe as Link;
    if (!link.isUnderWay) return false;
    const { before, after } = link;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    this.#size--;
    // A ticket that is kept must not keep its neighbours.
    link.before = undefined;
    link.after = undefined;
    link.isUnderWay = false;
    return true;
  }
}
