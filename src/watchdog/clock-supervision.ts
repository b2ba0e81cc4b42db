import type { Timer } from "../kernel/clock.js";
import { beginWatch, isOverdue, untilNextLook } from "./deadline.js";
import type { Subject, Supervision } from "./supervision.js";

/** A timer costs less than waking a thread, so it can look more often. */
const LOOKS_PER_TIMEOUT = 100;
const LEAST_POLL = 20;

/**
 * Watches by timers of the watched thread itself, which see work that hangs but not a blocked event loop. Used with a
 * custom clock, and where no thread can be started.
 */
export function superviseByClock({ settings, cells, expired }: Subject): Supervision {
  const { clock, name, timeout } = settings;
  const poll = settings.pollInterval ?? Math.max(LEAST_POLL, timeout / LOOKS_PER_TIMEOUT);
  let watch = beginWatch(cells.pings, clock.now());
  let timer: Timer | undefined;
  let ended = false;

  const catchUp = (): void => {
    const now = clock.now();
    const { pings } = cells;
    if (pings !== watch.pings) {
      cells.see(pings, now);
      watch = beginWatch(pings, now);
    }
    if (!isOverdue(watch, timeout, now)) return;
    const secondsInactive = (now - watch.since) / 1000;
    watch = { ...watch, reported: "not-pinged" };
    cells.fire(pings);
    expired(pings, now, { name, secondsInactive, kind: "not-pinged", details: {} });
  };
  const arm = (): void => {
    if (ended) return;
    const delay = untilNextLook(watch, timeout, poll, clock.now());
    const wake = (): void => {
      catchUp();
      arm();
    };
    timer = clock.setTimer(wake, delay, { ref: false });
  };
  arm();

  return {
    catchUp,
    end() {
      ended = true;
      timer?.cancel();
    },
  };
}
