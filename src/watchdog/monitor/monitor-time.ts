import { uptime } from "node:os";
import { type Clock, realClock } from "../../kernel/clock.js";
import { type Elapsed, LookTimes } from "../../process/standstill.js";
import { leftOut } from "../deadline.js";
import { type CpuTimes, cpuTimes, isRunnable } from "./thread-facts.js";

/** How long a reading of the monitor's own share of the CPU serves, in milliseconds. */
const OWN_READING = 1000;
/** Where the time since boot has moved by less than this, in milliseconds, the machine did not sleep. */
const LEAST_SLEEP = 500;
const OWN_FOLDER = "/proc/thread-self";

/** Seconds since boot; where they may not be asked for (Deno's permissions), of a machine that never sleeps. */
function sinceBoot(): number {
  try {
    return uptime();
  } catch {
    return realClock.now() / 1000;
  }
}

/** Where the monitor's time comes from. */
export interface TimeSources {
  readonly clock: Pick<Clock, "now" | "wallNow">;
  /** Seconds since boot, those of sleep included. */
  readonly uptime: () => number;
  readonly cpuTimes: (folder: string | undefined) => CpuTimes | undefined;
  readonly isRunnable: (folder: string) => boolean;
}

/** The monitor's time for deadlines: it stands still while the watched thread could not have run. */
export class MonitorTime {
  /** Milliseconds that count. */
  counted = 0;
  /** Milliseconds that were left out because the thread had no CPU. */
  starved = 0;
  /** Milliseconds that were left out because the process was stopped or the machine asleep. */
  suspended = 0;
  readonly #folder: string | undefined;
  readonly #sources: TimeSources;
  readonly #looks: LookTimes;
  #asked = 0;
  /** The watched thread's share of the CPU at the last look, while somebody is late. */
  #theirs: CpuTimes | undefined;
  /** Starvation that was found before the kernel has told of it. */
  #ahead = 0;
  #own: { readonly queued: number | undefined; readonly at: number };
  /** By how much the time since boot is ahead of the monotonic clock, which may stand still in sleep. */
  #bootAhead: number;

  constructor(
    folder: string | undefined,
    sources: TimeSources = { clock: realClock, uptime: sinceBoot, cpuTimes, isRunnable },
  ) {
    this.#folder = folder;
    this.#sources = sources;
    this.#looks = new LookTimes(sources.clock);
    const now = this.#looks.last;
    this.#bootAhead = sources.uptime() * 1000 - now;
    this.#own = this.#readOwn(now);
  }

  /** Milliseconds that were left out. */
  get uncounted(): number {
    return this.starved + this.suspended;
  }

  /** Says how long the monitor means to wait from now. */
  expect(wait: number): void {
    this.#asked = wait;
  }

  /** Says that the monitor was busy since the last {@link pass}: time like any other. */
  wasBusy(): void {
    this.#asked = this.#sources.clock.now() - this.#looks.last;
  }

  /** Takes in what has passed. Starvation is worth a file read only when somebody is `late`. */
  pass(late: boolean): void {
    const passed = this.#looks.look(this.#asked);
    const { elapsed, still } = passed;
    const { queued, ran } = this.#theirShare(late);
    const ownQueued = this.#ownWait(passed);
    const { starved, suspended } = leftOut({ still, queued, ownQueued }, this.#ahead);
    const rest = elapsed - starved - suspended;
    // Runnable all the while without having run: the wait is not over, so the kernel has not told of it.
    const waits = rest > 0 && queued === 0 && ran === 0 && this.#isRunnable();
    // What it ran beyond the time that passed, it ran when it was taken to be waiting.
    const unseen = waits ? rest : -Math.min(this.#ahead, Math.max(0, ran - elapsed));
    this.#ahead = this.#theirs === undefined ? 0 : this.#ahead + starved - queued + unseen;
    this.starved += starved + unseen;
    this.suspended += suspended + this.#sleep(passed);
    this.counted += rest - unseen;
  }

  #theirShare(late: boolean): CpuTimes {
    const before = this.#theirs;
    const now = late ? this.#sources.cpuTimes(this.#folder) : undefined;
    this.#theirs = now;
    // Having run says that it did not wait.
    if (now === undefined || before === undefined) return { queued: 0, ran: Number.MIN_VALUE };
    return { queued: now.queued - before.queued, ran: now.ran - before.ran };
  }

  #isRunnable(): boolean {
    return this.#folder !== undefined && this.#sources.isRunnable(this.#folder);
  }

  #readOwn(at: number): { readonly queued: number | undefined; readonly at: number } {
    return { queued: this.#sources.cpuTimes(OWN_FOLDER)?.queued, at };
  }

  /** For how long the monitor itself waited for a CPU since the last reading, where that may matter. */
  #ownWait({ still, now }: Elapsed): number {
    const before = this.#own;
    if (still === 0 && now - before.at < OWN_READING) return 0;
    this.#own = this.#readOwn(now);
    const { queued } = this.#own;
    return queued === undefined || before.queued === undefined ? 0 : queued - before.queued;
  }

  /** For how long the machine slept while the monotonic clock stood still. */
  #sleep({ jumped, now }: Elapsed): number {
    if (jumped === 0) return 0;
    // Somebody may have set the clock, which says nothing.
    const bootAhead = this.#sources.uptime() * 1000 - now;
    const slept = bootAhead - this.#bootAhead;
    this.#bootAhead = bootAhead;
    return slept < LEAST_SLEEP ? 0 : slept;
  }
}
