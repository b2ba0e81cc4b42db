import type { Clock } from "../kernel/clock.js";
import { Alarm } from "./alarm.js";

/** When a connection counts as lost. Durations in milliseconds. */
export interface LivenessLimits {
  /** Silence after which a ping is sent; `Infinity`: there is nothing to send. */
  readonly interval: number;
  /** How long anything is waited for after a ping. */
  readonly timeout: number;
  /** The longest time without a message; an answer to a ping is none. */
  readonly maxSilence?: number | undefined;
}

/** What is watched. */
export interface Watched {
  readonly isPaused: boolean;
  /** Bytes that the network has delivered, where the socket tells it. */
  readonly bytesRead: number;
  ping(): void;
  /** Nothing was heard of it for too long. */
  dead(): void;
}

/** Looks from time to time whether a connection lives. Times on the monotonic clock, in milliseconds. */
export class Watch {
  readonly #clock: Clock;
  readonly #watched: Watched;
  readonly #interval: number;
  readonly #timeout: number;
  readonly #maxSilence: number;
  /** So long before the end there is a first look, so that a verdict always follows a turn of the event loop. */
  readonly #grace: number;
  readonly #alarm: Alarm;
  /** When something was last received, and when a message was. */
  #heard = 0;
  #spoken = 0;
  /** When the ping was sent that nothing has followed; `Infinity`: none was. */
  #asked = Infinity;
  /** It was overdue at the last look, which may have come before what had arrived was read. */
  #isOverdue = false;
  /** When to look again. */
  #due = 0;
  #lastBytes = 0;

  constructor(clock: Clock, limits: LivenessLimits, watched: Watched) {
    const { interval, timeout, maxSilence = Infinity } = limits;
    this.#clock = clock;
    this.#watched = watched;
    this.#interval = interval;
    this.#timeout = timeout;
    this.#maxSilence = maxSilence;
    this.#grace = Math.min(20, timeout / 4, maxSilence / 4);
    this.#alarm = new Alarm(clock, false);
    this.#renew(clock.now());
    this.#arm();
  }

  /** Something was received: a message, or else a ping or the answer to one. */
  hear(isMessage: boolean): void {
    const wasAsked = this.#asked !== Infinity;
    const now = this.#clock.now();
    this.#renew(now, isMessage ? now : this.#spoken);
    // Otherwise the timer stays: on each message of many, setting it again would cost more than a look too early.
    if (wasAsked) this.#arm();
  }

  stop(): void {
    this.#alarm.cancel();
  }

  #renew(now: number, spoken: number = now): void {
    this.#heard = now;
    this.#spoken = spoken;
    this.#asked = Infinity;
    this.#isOverdue = false;
  }

  /** When silence ends the connection. */
  get #end(): number {
    return Math.min(this.#spoken + this.#maxSilence, this.#asked + this.#timeout);
  }

  #arm(): void {
    const now = this.#clock.now();
    const next = this.#asked === Infinity ? this.#heard + this.#interval : Infinity;
    this.#due = this.#isOverdue
      ? Math.max(this.#end, now + this.#grace)
      : Math.min(next, this.#end - this.#grace);
    if (this.#due !== Infinity) this.#alarm.set(() => this.#look(), Math.max(1, this.#due - now));
  }

  /**
   * Anything received counts as an answer. A look that comes late by more than half the timeout says that this process
   * stood still: what the other side sent may not have been read yet, so nothing is judged and the connection is asked anew.
   */
  #look(): void {
    const { isPaused, bytesRead } = this.#watched;
    const now = this.#clock.now();
    const isLate = now - this.#due > Math.min(this.#timeout, this.#maxSilence) / 2;
    const hasRead = bytesRead !== this.#lastBytes && this.#asked !== Infinity;
    this.#lastBytes = bytesRead;
    // Of a paused socket nothing can be heard; a large message is life before it is complete.
    if (isPaused || hasRead || isLate) this.#renew(now);
    const isOverdue = now >= this.#end - this.#grace;
    if (isOverdue && this.#isOverdue && now >= this.#end) {
      this.#watched.dead();
      return;
    }
    this.#isOverdue = isOverdue;
    const isToAsk = this.#asked === Infinity && now >= this.#heard + (isLate ? 0 : this.#interval);
    const asks = isToAsk && !isOverdue && this.#interval !== Infinity;
    if (asks) this.#asked = now;
    this.#arm();
    if (asks) this.#watched.ping();
  }
}
