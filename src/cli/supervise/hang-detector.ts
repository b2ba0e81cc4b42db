import { standstill } from "../../process/standstill.js";
import { inSeconds, type SuperviseEvent } from "./events.js";
import type { BeatSign } from "./beat-detector.js";
import type { HeartbeatSettings } from "./settings.js";

/** The longest time between two looks at the heartbeat, in milliseconds. */
const LOOK_INTERVAL = 1000;

/**
 * Decides from the heartbeat file of one run whether the program hangs. Times are milliseconds of a monotonic clock.
 */
export class HangDetector {
  readonly #settings: HeartbeatSettings;
  readonly #pid: number;
  readonly #interval: number;
  /** The time of the last beat, or of the start. */
  #beatAt: number;
  #beaten = false;
  #lookAt: number;
  #looking = false;

  constructor(settings: HeartbeatSettings, pid: number, now: number) {
    this.#settings = settings;
    this.#pid = pid;
    this.#interval = Math.min(LOOK_INTERVAL, settings.maxAge / 4);
    this.#beatAt = now;
    this.#lookAt = now + this.#interval;
  }

  /** When to look again; `undefined` while a look is in progress. */
  get lookAt(): number | undefined {
    return this.#looking ? undefined : this.#lookAt;
  }

  /** A look begins; {@link looked} answers it. */
  look(): void {
    this.#looking = true;
  }

  /**
   * Returns what is wrong with the program, or `undefined`.
   *
   * @param interval the heartbeat's own, in seconds.
   */
  looked(sign: BeatSign, now: number, interval = 0): SuperviseEvent | undefined {
    const lastLook = this.#lookAt - this.#interval;
    const spared = standstill(now - lastLook, this.#interval);
    this.#beaten ||= sign === "beat";
    this.#beatAt = sign === "beat" ? now : this.#beatAt + spared;
    this.#lookAt = now + this.#interval;
    this.#looking = false;
    if (sign === "frozen") return { event: "frozen", pid: this.#pid };
    const { maxAge, startGrace } = this.#settings;
    const silent = now - this.#beatAt;
    if (silent <= (this.#beaten ? maxAge : startGrace)) return undefined;
    const stale = {
      event: "stale",
      pid: this.#pid,
      seconds: inSeconds(silent),
      beaten: this.#beaten,
    } as const;
    return this.#beaten && interval * 1000 >= maxAge ? { ...stale, interval } : stale;
  }
}
