import { type HeartbeatInstance, judgeInstance, type Listing, type StoredInstance } from "./instances.js";

/** What has become of an instance. */
export type InstanceEvent = "joined" | "lost" | "stopped" | "status";

/** An event of an instance. */
export interface InstanceChange {
  readonly event: InstanceEvent;
  readonly instance: HeartbeatInstance;
}

/** Asks for all instances, whenever they have beaten. */
export const FROM_THE_BEGINNING = "-inf";

const isAlive = (instance: HeartbeatInstance | undefined): boolean => instance?.status === "alive";

/** What the change from one verdict to the next means. */
function eventOf(before: HeartbeatInstance | undefined, after: HeartbeatInstance): InstanceEvent | undefined {
  if (isAlive(after)) {
    if (!isAlive(before)) return "joined";
    return before?.state?.status === after.state?.status ? undefined : "status";
  }
  if (after.status === "stopped")
    return before !== undefined && before.status !== "stopped" ? "stopped" : undefined;
  return isAlive(before) ? "lost" : undefined;
}

/** The known instances of a service, from one listing to the next. */
export class Roll {
  readonly #maxAge: number | undefined;
  readonly #stored = new Map<string, StoredInstance>();
  /** The times of the last beats as the store has them. */
  readonly #scores = new Map<string, number>();
  readonly #judged = new Map<string, HeartbeatInstance>();
  /** The server's time at the latest listing. */
  #now = 0;
  /** The latest beat that was read. */
  #latest = 0;
  /** Nobody is judged by what was before: the server's time when an outage ended. */
  #since = 0;
  #isComplete = false;

  /** @param maxAge milliseconds; `undefined`: three intervals of each instance. */
  constructor(maxAge: number | undefined) {
    this.#maxAge = maxAge;
  }

  get instances(): readonly HeartbeatInstance[] {
    return [...this.#judged.values()];
  }

  /** From which time on instances must have beaten to be in the next listing. */
  get from(): number | typeof FROM_THE_BEGINNING {
    return this.#isComplete ? this.#latest : FROM_THE_BEGINNING;
  }

  /**
   * Takes a listing and returns what has changed.
   *
   * @param isAfterOutage whether beats may have been impossible before it: everybody then has a whole `maxAge` anew.
   */
  apply({ now, count, found }: Listing, isAfterOutage: boolean): readonly InstanceChange[] {
    const wasSetBack = now < this.#now;
    if (isAfterOutage || wasSetBack) this.#since = now;
    if (!this.#isComplete) this.#forgetMissing(found);
    this.#now = now;
    if (wasSetBack) {
      // Beats from now on are earlier than those before.
      this.#latest = 0;
      for (const [name, stored] of this.#stored)
        this.#stored.set(name, { ...stored, at: Math.min(stored.at, now) });
    }
    for (const listed of found) {
      // The store still has the times in the future: such a beat counts as of now, once.
      const known = this.#stored.get(listed.instance);
      const isKnown = this.#scores.get(listed.instance) === listed.at;
      const at = isKnown && known !== undefined ? known.at : Math.min(listed.at, now);
      this.#latest = Math.max(this.#latest, at);
      this.#scores.set(listed.instance, listed.at);
      this.#stored.set(listed.instance, { ...listed, at });
    }
    const changes: InstanceChange[] = [];
    for (const stored of this.#stored.values()) {
      const before = this.#judged.get(stored.instance);
      // Who was silent before an outage has not beaten since.
      const since = isAlive(before) ? this.#since : 0;
      const instance = judgeInstance(stored, now, this.#maxAge, since);
      this.#judged.set(stored.instance, instance);
      const event = eventOf(before, instance);
      if (event !== undefined) changes.push({ event, instance });
    }
    // The store has forgotten some, or all; the next listing says whom.
    this.#isComplete = !wasSetBack && this.#stored.size <= count;
    return changes;
  }

  /** Forgets those that the store has forgotten; who was alive until now is first lost. */
  #forgetMissing(found: readonly StoredInstance[]): void {
    const present = new Set(found.map(({ instance }) => instance));
    for (const [name, judged] of this.#judged) {
      if (present.has(name) || isAlive(judged)) continue;
      this.#judged.delete(name);
      this.#stored.delete(name);
      this.#scores.delete(name);
    }
  }
}
