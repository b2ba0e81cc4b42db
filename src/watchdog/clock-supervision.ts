import type { Clock, Timer } from "../kernel/clock.js";
import { disposable } from "../kernel/disposable.js";
import { beginWatch, judge, look, untilNextLook } from "./deadline.js";
import type { Subject, Supervision } from "./supervision.js";

/** Looks are cheap next to a thread's waking up, so they may be frequent. */
const LOOKS_PER_TIMEOUT = 100;
const LEAST_POLL = 20;

/**
 * Watches by timers of the watched thread itself: sees work that hangs, not a blocked event loop. Used with a
 * clock of one's own, and where no thread can be started.
 */
export function superviseByClock(subject: Subject, clock: Clock): Supervision {
  const { cells, timeout } = subject;
  const poll = subject.pollInterval ?? Math.max(LEAST_POLL, timeout / LOOKS_PER_TIMEOUT);
  let watch = beginWatch(cells.epoch, cells.pings, clock.now());
  let timer: Timer | undefined;
  let ended = false;
  let holders = 0;

  const check = (): void => {
    const now = clock.now();
    watch = look(watch, cells.epoch, cells.pings, true, now);
    if (judge(watch, timeout, 0, now) !== "not-pinged") return;
    const { epoch, pings, since } = watch;
    watch = { ...watch, told: "not-pinged" };
    cells.fire(epoch, pings);
    subject.expired({
      epoch,
      pings,
      info: { name: subject.name, secondsInactive: (now - since) / 1000, kind: "not-pinged", details: {} },
    });
  };
  const arm = (): void => {
    timer?.cancel();
    if (ended) return;
    const delay = untilNextLook(watch, timeout, poll, clock.now());
    timer = clock.setTimer(tick, delay, { ref: holders > 0 });
  };
  const tick = (): void => {
    check();
    arm();
  };
  arm();

  return {
    canInterrupt: false,
    observed: () => ({ pings: watch.pings, at: watch.since }),
    catchUp: check,
    hold() {
      if (++holders === 1) arm();
      return disposable(() => {
        if (--holders === 0) arm();
      });
    },
    end() {
      ended = true;
      timer?.cancel();
    },
  };
}
