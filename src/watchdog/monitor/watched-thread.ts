import { existsSync } from "node:fs";
import { sharedNow } from "../../process/shared-time.js";
import { threadClock } from "../../process/thread-clock.js";
import {
  beginWatch,
  judge,
  type LeftOut,
  look,
  untilNextLook,
  type Verdict,
  type Watch,
} from "../deadline.js";
import { handleFreeze } from "./freeze.js";
import type { Frozen } from "./frozen.js";
import {
  DEBUGGABLE,
  type Notice,
  type Order,
  PULSE,
  type ThreadData,
  type WatchOrder,
} from "../monitor-protocol.js";
import { CountedTime } from "./counted-time.js";
import { notCounted, NotCountedEpisodes } from "./not-counted.js";
import { ThreadAccess } from "./thread-access.js";
import { ARMED, GUARD, WatchCells } from "../watch-cells.js";
import { writeStderr } from "../../process/write-stderr.js";

/** The looks in a timeout: more cost more CPU, fewer find a timeout later. */
const LOOKS = 4;
const MOST_POLL = 1000;
/** How often a thread at a breakpoint is asked whether it goes on, in milliseconds. */
const PAUSED_POLL = 250;

/** A watchdog as the monitor knows it. */
interface Watched {
  readonly order: WatchOrder;
  /** In milliseconds. */
  readonly poll: number;
  readonly cells: WatchCells;
  watch: Watch;
  /** What the time had left out when this period began. */
  before: LeftOut;
  readonly episodes: NotCountedEpisodes;
}

/** What one look at a thread has found. */
interface Sight {
  readonly frozen: readonly Frozen[];
  readonly notPinged: readonly Frozen[];
  /** How long the next look can wait, in milliseconds. */
  readonly wait: number;
}

/** A thread as the monitor knows it: its watchdogs, its event loop and its own time. */
export class WatchedThread {
  readonly #data: ThreadData;
  readonly #send: (notice: Notice) => void;
  readonly #watched = new Map<number, Watched>();
  readonly #access: ThreadAccess;
  readonly #time: CountedTime;
  /** The pulse of the event loop at the last look, and since when a question to it is unanswered. */
  #pulse: number;
  #askedLoopAt: number | undefined;
  #paused = false;
  #askAgainAt = 0;

  constructor(data: ThreadData, send: (notice: Notice) => void) {
    this.#data = data;
    this.#send = send;
    this.#access = new ThreadAccess(data, writeStderr);
    this.#time = new CountedTime(data.folder);
    this.#pulse = Atomics.load(data.control, PULSE);
  }

  get isIdle(): boolean {
    return this.#watched.size === 0;
  }

  take(order: Order): void {
    if (order === "forget all") this.#watched.clear();
    else if ("forget" in order) this.#watched.delete(order.forget);
    else {
      const { id, timeout, pollInterval, buffer } = order;
      const poll = pollInterval ?? Math.min(timeout / LOOKS, MOST_POLL);
      const cells = new WatchCells(buffer);
      const episodes = new NotCountedEpisodes(timeout);
      this.#watched.set(id, { order, poll, cells, episodes, ...this.#begin(cells) });
    }
  }

  /** Takes in the time that has passed. */
  pass(): void {
    this.#time.pass(this.#askedLoopAt !== undefined);
  }

  /** Takes in how long the monitor will wait from now; `undefined` when it was busy since the last {@link pass}. */
  expect(wait: number | undefined): void {
    if (wait === undefined) this.#time.wasBusy();
    else this.#time.expect(wait);
  }

  /** Looks at all watchdogs once and does what is to be done; says how long the next look can wait. */
  async watch(): Promise<{ readonly wait: number; readonly busy: boolean }> {
    if (this.#paused && !(await this.#goesOn())) return { wait: PAUSED_POLL, busy: false };
    const { frozen, notPinged, wait } = this.#lookAround();
    if (this.#isGone()) {
      this.#watched.clear();
      return { wait: 0, busy: false };
    }
    if (frozen.length + notPinged.length === 0) return { wait, busy: false };
    await this.#tell(frozen, notPinged);
    return { wait, busy: true };
  }

  async #tell(frozen: readonly Frozen[], notPinged: readonly Frozen[]): Promise<void> {
    // A loop that seemed to run may have come to a breakpoint just now.
    const isDoubtful = this.#askedLoopAt !== undefined || Atomics.load(this.#data.control, DEBUGGABLE) === 1;
    if (notPinged.length > 0 && isDoubtful && (await this.#access.isPaused())) {
      this.#paused = true;
      return;
    }
    for (const one of notPinged) this.#tellNotPinged(one);
    if (frozen.length === 0) return;
    const outcome = await handleFreeze(this.#access, frozen, (notice) => this.#notify(notice));
    this.#paused = outcome === "paused";
  }

  /** Asks a thread at a breakpoint, from time to time, whether it goes on. */
  async #goesOn(): Promise<boolean> {
    const now = threadClock.now();
    if (now < this.#askAgainAt) return false;
    if (!this.isIdle && (await this.#access.isPaused())) {
      this.#askAgainAt = now + PAUSED_POLL;
      return false;
    }
    // It is not known since when it was paused: every watchdog gets a whole timeout from now.
    this.#paused = false;
    this.#askedLoopAt = undefined;
    for (const entry of this.#watched.values()) Object.assign(entry, this.#begin(entry.cells));
    return true;
  }

  /** A worker thread that was terminated is silent, which is no freeze. */
  #isGone(): boolean {
    const { main, folder } = this.#data;
    if (main || folder === undefined) return false;
    const isLate = [...this.#watched.values()].some(({ watch }) => watch.reported !== "nothing");
    return isLate && !existsSync(folder);
  }

  #begin(cells: WatchCells): { readonly watch: Watch; readonly before: LeftOut } {
    const watch = beginWatch(cells.pings, this.#time.counted);
    cells.see(watch.pings, this.#theirNow);
    return { watch, before: this.#leftOut };
  }

  #notify(notice: Notice): void {
    this.#send(notice);
    this.#askedLoopAt ??= this.#time.counted;
  }

  #takePulse(): boolean {
    const before = this.#pulse;
    this.#pulse = Atomics.load(this.#data.control, PULSE);
    const ran = this.#pulse !== before;
    if (ran) this.#askedLoopAt = undefined;
    return ran;
  }

  #lookAround(): Sight {
    const loopRan = this.#takePulse();
    const frozen: Frozen[] = [];
    const notPinged: Frozen[] = [];
    let wait = Infinity;
    for (const entry of this.#watched.values()) {
      const verdict = this.#lookAt(entry, loopRan);
      if (verdict === "suspect" && this.#askedLoopAt === undefined) this.#notify("question");
      if (verdict === "not-pinged" || verdict === "blocked") {
        entry.watch = { ...entry.watch, reported: verdict };
        (verdict === "blocked" ? frozen : notPinged).push(this.#describe(entry));
      }
      wait = Math.min(wait, untilNextLook(entry.watch, entry.order.timeout, entry.poll, this.#time.counted));
    }
    return { frozen, notPinged, wait };
  }

  /** The time by the clock of the watched thread. */
  get #theirNow(): number {
    return sharedNow() + this.#data.ahead;
  }

  get #leftOut(): LeftOut {
    const { starved, suspended } = this.#time;
    return { starved, suspended };
  }

  /** Reports time that was left out, when it would have been a timeout. */
  #tellNotCounted({ order, watch, before, episodes }: Watched, pings: number): void {
    const { starved, suspended, counted } = this.#time;
    const left = { starved: starved - before.starved, suspended: suspended - before.suspended };
    if (left.starved === 0 && left.suspended === 0) return;
    const kind = episodes.look({ watch, pings, left, counted, now: threadClock.now() });
    if (kind === undefined) return;
    const details = { secondsStarved: left.starved / 1000, secondsSuspended: left.suspended / 1000 };
    const { id, name } = order;
    this.#notify({ id, notCounted: { name, kind, seconds: left[kind] / 1000, details } });
  }

  #lookAt(entry: Watched, loopRan: boolean): Verdict {
    const { cells, watch } = entry;
    const { pings } = cells;
    const now = this.#time.counted;
    this.#tellNotCounted(entry, pings);
    entry.watch = look(watch, pings, loopRan, now);
    if (watch.pings !== pings) {
      cells.see(pings, this.#theirNow);
      entry.before = this.#leftOut;
    }
    // While synchronous code runs under a guard, the loop cannot turn: there is no point in asking it.
    const guarded = Atomics.load(cells.counters, GUARD) === ARMED;
    const silent = this.#askedLoopAt === undefined ? 0 : now - this.#askedLoopAt;
    return judge(entry.watch, entry.order.timeout, guarded ? Infinity : silent, now);
  }

  #describe({ order, cells, watch, before }: Watched): Frozen {
    const { id, name, onFreeze, exitCode, reportDirectory, maxReports, link } = order;
    const { pings, since } = watch;
    const secondsInactive = (this.#time.counted - since) / 1000;
    const secondsNotCounted = (this.#time.uncounted - before.starved - before.suspended) / 1000;
    const what = { id, name, pings, cells, onFreeze, exitCode, reportDirectory, maxReports, link };
    return { ...what, at: this.#theirNow, secondsInactive, secondsNotCounted };
  }

  #tellNotPinged({ id, name, pings, at, cells, secondsInactive, secondsNotCounted }: Frozen): void {
    const details = notCounted(secondsNotCounted);
    const info = { name, secondsInactive, kind: "not-pinged", details } as const;
    this.#notify({ id, pings, at, request: 0, info });
    cells.fire(pings);
  }
}
