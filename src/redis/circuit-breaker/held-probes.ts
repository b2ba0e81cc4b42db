import type { Probe } from "../../circuit-breaker/probes.js";
import type { Clock, Timer } from "../../kernel/clock.js";

/** The probes of this instance: their ids in the store, and their leases, which are renewed while they are under way. */
export class HeldProbes {
  readonly #ids = new WeakMap<Probe, string>();
  /** Those under way that have not yet taken too long, and when they will have. */
  readonly #held = new Map<string, number>();
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #renew: (ids: readonly string[]) => void;
  #timer: Timer | undefined;

  /** @param lease in milliseconds; renewed three times in it, so that one answer may be lost. */
  constructor(clock: Clock, lease: number, renew: (ids: readonly string[]) => void) {
    this.#clock = clock;
    this.#interval = lease / 3;
    this.#renew = renew;
  }

  /** The ids of those under way. */
  get ids(): readonly string[] {
    return [...this.#held.keys()];
  }

  add(probe: Probe, id: string, probeTimeout: number): void {
    this.#ids.set(probe, id);
    this.#held.set(id, this.#clock.now() + probeTimeout);
    this.#arm();
  }

  /** The id of a probe that has settled, once; `undefined` for one that the store has not admitted. */
  settle(probe: Probe): string | undefined {
    const id = this.#ids.get(probe);
    this.#ids.delete(probe);
    if (id !== undefined) this.#held.delete(id);
    if (this.#held.size === 0) this.#stop();
    return id;
  }

  /** Gives up the leases. */
  clear(): void {
    this.#held.clear();
    this.#stop();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#stop();
    if (this.#held.size === 0) return;
    const first = Math.min(...this.#held.values()) - this.#clock.now();
    const tick = (): void => {
      const ids = this.ids;
      const now = this.#clock.now();
      // It has taken too long, which the store counts as a failure when it is asked: that is the last time.
      for (const [id, deadline] of this.#held) if (deadline <= now) this.#held.delete(id);
      this.#renew(ids);
      this.#arm();
    };
    this.#timer = this.#clock.setTimer(tick, Math.min(this.#interval, Math.max(1, first)), { ref: false });
  }
}
