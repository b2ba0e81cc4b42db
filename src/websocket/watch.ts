import type { Timer } from "../kernel/clock.js";
import { alive, type Life, type LivenessLimits, look } from "./liveness.js";
import type { WebSocketManagerSettings } from "./options.js";

/** What is watched. */
export interface Watched {
  readonly isPaused: boolean;
  /** Bytes that the network has delivered, where the socket tells it. */
  readonly bytesRead: number;
  ping(): void;
  /** Nothing was heard of it for too long. */
  dead(): void;
}

/** Looks from time to time whether a connection lives. */
export class Watch {
  readonly #clock: WebSocketManagerSettings["clock"];
  readonly #limits: LivenessLimits;
  readonly #watched: Watched;
  #life: Life;
  #lastBytes = 0;
  #timer: Timer | undefined;

  constructor({ clock }: WebSocketManagerSettings, limits: LivenessLimits, watched: Watched) {
    this.#clock = clock;
    this.#limits = limits;
    this.#watched = watched;
    this.#life = alive(limits, clock.now());
    this.#arm();
  }

  /** Something was received: a message, or else a ping or the answer to one. */
  hear(isMessage: boolean): void {
    const { asked, spoken } = this.#life;
    const now = this.#clock.now();
    this.#life = alive(this.#limits, now, isMessage ? now : spoken);
    // Otherwise the timer stays: on each message of many, setting it again would cost more than a look too early.
    if (asked !== undefined) this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.stop();
    const wait = Math.max(1, this.#life.due - this.#clock.now());
    this.#timer = this.#clock.setTimer(() => this.#look(), wait, { ref: false });
  }

  #look(): void {
    const { isPaused, bytesRead } = this.#watched;
    const now = this.#clock.now();
    const hasRead = bytesRead !== this.#lastBytes;
    this.#lastBytes = bytesRead;
    // Of a paused socket nothing can be heard; a large message is life before it is complete.
    if (isPaused || (hasRead && this.#life.asked !== undefined)) this.#life = alive(this.#limits, now);
    let verdict: string | undefined;
    if (now >= this.#life.due) ({ life: this.#life, verdict } = look(this.#limits, this.#life, now));
    this.#arm();
    if (verdict === "ping") this.#watched.ping();
    if (verdict === "dead") this.#watched.dead();
  }
}
