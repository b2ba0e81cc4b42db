import { uptime } from "node:os";
import type { Clock } from "../../kernel/clock.js";
import { type Elapsed, LookTimes } from "../../process/standstill.js";
import { threadClock } from "../../process/thread-clock.js";
import { type LeftOut, leftOut } from "../deadline.js";
import { type CpuTimes, cpuTimes, isRunnable, ownCpuTimes } from "./thread-facts.js";

/**
 * How often the monitor reads how long it waited for a CPU itself, in milliseconds: while it has to wait, and while it
 * does not. A stop sooner than this after a sudden wait can be taken for starvation; neither counts.
 */
const BUSY_READING = 1000;
const CALM_READING = 10_000;
/** A monitor that waited for less than this share of the time counts as not waiting. */
const CALM = 0.01;
/** If the time since boot is ahead by less than this, in milliseconds, the machine did not sleep. */
const LEAST_SLEEP = 500;

/** Seconds since boot; where that may not be read (Deno's permissions), as if the machine never slept. */
function sinceBoot(): number {
  try {
    return uptime();
  } catch {
    return threadClock.now() / 1000;
  }
}

/** What the counted time is made of. */
export interface TimeSources {
  readonly clock: Pick<Clock, "now" | "wallNow">;
  /** Seconds since boot, including sleep. */
  readonly uptime: () => number;
  readonly cpuTimes: (folder: string | undefined) => CpuTimes | undefined;
  /** Those of the monitor. */
  readonly ownCpuTimes: () => CpuTimes | undefined;
  readonly isRunnable: (folder: string) => boolean;
}

/** The time that counts for timeouts: it stands still while the watched thread cannot run. */
export class CountedTime {
  /** Milliseconds that count. */
  counted = 0;
  /** All that was left out so far; replaced as it grows. */
  leftOut: LeftOut = { starved: 0, suspended: 0 };
  readonly #folder: string | undefined;
  readonly #sources: TimeSources;
  readonly #looks: LookTimes;
  #asked = 0;
  /** The watched thread's CPU times at the last look, while an answer of it is due. */
  #theirs: CpuTimes | undefined;
  /** Starvation that was found before the kernel reported it. */
  #ahead = 0;
  #own: { readonly queued: number; readonly at: number; readonly serves: number };
  /** By how much the time since boot is ahead of the monotonic clock, which may stand still during sleep. */
  #bootAhead: number;

  constructor(
    folder: string | undefined,
    sources: TimeSources = { clock: threadClock, uptime: sinceBoot, cpuTimes, ownCpuTimes, isRunnable },
  ) {
    this.#folder = folder;
    this.#sources = sources;
    this.#looks = new LookTimes(sources.clock);
    const now = this.#looks.last;
    this.#bootAhead = sources.uptime() * 1000 - now;
    this.#own = { queued: sources.ownCpuTimes()?.queued ?? 0, at: now, serves: BUSY_READING };
  }

  /** Takes in how long the monitor will wait from now; `undefined` when it was busy since the last {@link pass}. */
  expect(wait: number | undefined): void {
    this.#asked = wait ?? this.#sources.clock.now() - this.#looks.last;
  }

  /** Takes in the time that has passed. Starvation is looked for only while the thread is `late` with an answer. */
  pass(late: boolean): void {
    const passed = this.#looks.look(this.#asked);
    const { elapsed, still } = passed;
    const { queued, ran } = this.#theirShare(late);
    const ownQueued = this.#ownWait(passed);
    const { starved, suspended } = leftOut({ still, queued, ownQueued }, this.#ahead);
    const rest = elapsed - starved - suspended;
    // Runnable all the time without having run: the wait goes on, so the kernel has not reported it.
    const folder = this.#folder;
    const mayWait = folder !== undefined && rest > 0 && queued === 0 && ran === 0;
    const waits = mayWait && this.#sources.isRunnable(folder);
    // If it ran for longer than has passed, it was running when it seemed to wait.
    const unseen = waits ? rest : -Math.min(this.#ahead, Math.max(0, ran - elapsed));
    this.#ahead = this.#theirs === undefined ? 0 : this.#ahead + starved - queued + unseen;
    this.leftOut = {
      starved: this.leftOut.starved + starved + unseen,
      suspended: this.leftOut.suspended + suspended + this.#sleep(passed),
    };
    this.counted += rest - unseen;
  }

  #theirShare(late: boolean): CpuTimes {
    const before = this.#theirs;
    const now = late ? this.#sources.cpuTimes(this.#folder) : undefined;
    this.#theirs = now;
    // Unknown: as if it had run, so that it did not wait.
    if (now === undefined || before === undefined) return { queued: 0, ran: Number.MIN_VALUE };
    return { queued: now.queued - before.queued, ran: now.ran - before.ran };
  }

  /** For how long the monitor itself waited for a CPU since the last reading; 0 while none is due. */
  #ownWait({ still, now }: Elapsed): number {
    const before = this.#own;
    if (still === 0 && now - before.at < before.serves) return 0;
    const queued = this.#sources.ownCpuTimes()?.queued ?? 0;
    const waited = queued - before.queued;
    const isCalm = waited < (now - before.at) * CALM;
    this.#own = { queued, at: now, serves: isCalm ? CALM_READING : BUSY_READING };
    return waited;
  }

  /** For how long the machine slept while the monotonic clock stood still. */
  #sleep({ jumped, now }: Elapsed): number {
    if (jumped === 0) return 0;
    // Setting the wall clock looks the same; the time since boot tells the two apart.
    const bootAhead = this.#sources.uptime() * 1000 - now;
    const slept = bootAhead - this.#bootAhead;
    this.#bootAhead = bootAhead;
    return slept < LEAST_SLEEP ? 0 : slept;
  }
}
