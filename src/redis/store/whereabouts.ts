import type { Clock, Timer } from "../../kernel/clock.js";
import { isReply } from "./run-script.js";
import { Script } from "./script.js";
import type { StoreClient } from "./store-client.js";

/** Goes to the node of its key, as a call would, and does nothing there. A PING would go to any node. */
const PROBE = new Script("return KEYS[1]");

/** Milliseconds until the first probe, and the longest until the next one. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 500;

/** A place that does not answer. */
interface Absence {
  /** A key that was asked for there. */
  readonly key: string;
  pause: number;
  timer: Timer | undefined;
}

/** The places that do not answer: the server `""`, or nodes of a cluster. Each is probed until it answers. */
export class Whereabouts {
  readonly #client: StoreClient;
  readonly #timeout: number;
  readonly #clock: Clock;
  readonly #back: () => void;
  readonly #absences = new Map<string, Absence>();

  /** @param back is called when the last one answers again. */
  constructor(client: StoreClient, timeout: number, clock: Clock, back: () => void) {
    this.#client = client;
    this.#timeout = timeout;
    this.#clock = clock;
    this.#back = back;
  }

  get isEmpty(): boolean {
    return this.#absences.size === 0;
  }

  has(place: string): boolean {
    return this.#absences.has(place);
  }

  /** Whether it is new. */
  add(place: string, key: string): boolean {
    if (this.#absences.has(place)) return false;
    const absence: Absence = { key, pause: FIRST_PAUSE, timer: undefined };
    this.#absences.set(place, absence);
    this.#wait(place, absence, FIRST_PAUSE);
    return true;
  }

  /** The place has answered after all. */
  heard(place: string): void {
    const absence = this.#absences.get(place);
    if (absence !== undefined) this.#remove(place, absence);
  }

  clear(): void {
    for (const { timer } of this.#absences.values()) timer?.cancel();
    this.#absences.clear();
  }

  #wait(place: string, absence: Absence, delay: number): void {
    absence.timer = this.#clock.setTimer(() => this.#probe(place, absence), delay, { ref: false });
  }

  #probe(place: string, absence: Absence): void {
    // Another node has taken its keys over: whoever asks for them goes there.
    if ((this.#client.nodeOf?.(absence.key) ?? "") !== place) {
      this.#remove(place, absence);
      return;
    }
    if (!this.#client.isReady) {
      // That costs nothing to look at.
      this.#wait(place, absence, FIRST_PAUSE);
      return;
    }
    absence.pause = Math.min(LONGEST_PAUSE, absence.pause * 2);
    // A probe that is not answered is not waited for: the next one may be. Whichever is answered first counts.
    this.#wait(place, absence, this.#timeout + absence.pause);
    this.#client.run(PROBE, [absence.key], []).then(
      () => this.#remove(place, absence),
      (error: unknown) => {
        if (isReply(error)) this.#remove(place, absence);
      },
    );
  }

  #remove(place: string, absence: Absence): void {
    if (this.#absences.get(place) !== absence) return;
    absence.timer?.cancel();
    this.#absences.delete(place);
    if (this.isEmpty) this.#back();
  }
}
