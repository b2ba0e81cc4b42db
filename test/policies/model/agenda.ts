/** Of events closer than this, in milliseconds, but not at one time, which comes first is a matter of rounding. */
const TIE = 1e-6;

/** The lateness of a timer that tells a frozen thread from one that is busy, in milliseconds. */
export const FROZEN = 10;

interface Entry {
  readonly due: number;
  /** Whose event it is. */
  readonly call: number;
  readonly run: () => void;
  /** One timer serves all calls of its policy. */
  readonly isShared: boolean;
}

/** What is to happen and when: the time of a simulation. */
export class Agenda {
  now = 0;
  /** Two events were at the same time, and nobody can say in which order. */
  isAmbiguous = false;
  /** Timeouts that have found the thread frozen. */
  polling = 0;
  /** What else has. */
  readonly #late = new Set<() => void>();
  #entries: Entry[] = [];
  readonly #soon: (() => void)[] = [];

  /** Runs something at a time; what is returned takes it back. */
  at(due: number, call: number, run: () => void, isShared: boolean = false): () => void {
    const entry = { due, call, run, isShared };
    const after = this.#entries.findIndex((other) => other.due > due);
    this.#entries.splice(after === -1 ? this.#entries.length : after, 0, entry);
    return () => {
      this.#entries = this.#entries.filter((other) => other !== entry);
    };
  }

  /** As {@link at}; what is late because the thread was frozen happens after what has come meanwhile. */
  fairlyAt(due: number, call: number, run: () => void): () => void {
    let cancel = this.at(due, call, () => {
      if (this.now - due < FROZEN) {
        run();
        return;
      }
      // Which of the two comes first is not promised.
      if (this.polling > 0) this.isAmbiguous = true;
      this.#late.add(run);
      cancel = this.at(this.now, call, () => {
        this.#late.delete(run);
        run();
      });
    });
    return () => {
      this.#late.delete(run);
      cancel();
    };
  }

  /** A timeout has found the thread frozen: which of two late ones comes first is not promised. */
  poll(): void {
    if (++this.polling > 1 || this.#late.size > 0) this.isAmbiguous = true;
  }

  /** Runs something at this time, after what is going on. */
  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** Everything that is due until then happens; late, if the time has gone on without it. */
  advanceTo(time: number): void {
    this.settle();
    const end = Math.max(this.now, time);
    for (let entry = this.#entries[0]; entry !== undefined && entry.due <= end; entry = this.#entries[0]) {
      const [, next] = this.#entries;
      if (next !== undefined && this.#areTied(entry, next)) this.isAmbiguous = true;
      this.#entries.shift();
      this.now = Math.max(this.now, entry.due);
      entry.run();
      this.settle();
    }
    this.now = end;
  }

  /** Whether nobody can say which of two comes first. Timers of one time fire in the order in which they were set. */
  #areTied(one: Entry, next: Entry): boolean {
    if (next.due !== one.due) return next.due - one.due < TIE;
    if (next.isShared !== one.isShared) return true;
    return one.isShared && next.call !== one.call && one.due < this.now;
  }

  settle(): void {
    for (let run = this.#soon.shift(); run !== undefined; run = this.#soon.shift()) run();
  }
}
