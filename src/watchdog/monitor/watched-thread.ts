import { existsSync } from "node:fs";
import { sharedNow, threadClock } from "../../process/thread-clock.js";
import {
  beginWatch,
  judge,
  type LeftOut,
  look,
  untilNextLook,
  type Verdict,
  type Watch,
} from "../deadline.js";
import {
  DEBUGGABLE,
  type Notice,
  type Order,
  type ThreadData,
  type WatchOrder,
} from "../monitor-protocol.js";
import type { TimeoutInfo } from "../timeout-info.js";
import { ARMED, GUARD, WatchCells } from "../watch-cells.js";
import { CountedTime } from "./counted-time.js";
import type { Expired } from "./expired.js";
import { handleFreeze } from "./freeze.js";
import { notCounted, NotCountedEpisodes } from "./not-counted.js";
import { ThreadAccess } from "./thread-access.js";

/** The looks in a timeout: more cost more CPU, fewer find it later. */
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
  /** What had not been counted when this period began. */
  before: LeftOut;
  readonly episodes: NotCountedEpisodes;
}

/** The result of one look at a thread. */
interface Sight {
  readonly frozen: readonly Expired[];
  readonly notPinged: readonly Expired[];
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
    this.#access = new ThreadAccess(data);
    this.#time = new CountedTime(data.folder);
    this.#pulse = this.#access.pulse;
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
    this.#time.expect(wait);
  }

  /** Looks at all watchdogs once and handles their timeouts; returns how long the next look can wait. */
  async watch(): Promise<{ readonly wait: number; readonly busy: boolean }> {
    if (this.#paused && !(await this.#goesOn())) return { wait: PAUSED_POLL, busy: false };
    const { frozen, notPinged, wait } = this.#lookAround();
    if (this.#isGone()) {
      this.#watched.clear();
      return { wait: 0, busy: false };
    }
    if (frozen.length + notPinged.length === 0) return { wait, busy: false };
    this.#paused = await this.#handle(frozen, notPinged);
    return { wait, busy: true };
  }

  /** Reports timeouts and acts on them; returns whether a debugger has stopped the thread instead. */
  async #handle(frozen: readonly Expired[], notPinged: readonly Expired[]): Promise<boolean> {
    // The loop may have stopped at a breakpoint just now.
    const isDoubtful = this.#askedLoopAt !== undefined || Atomics.load(this.#data.control, DEBUGGABLE) === 1;
    if (notPinged.length > 0 && isDoubtful && (await this.#access.isPaused())) return true;
    const tell = (expired: Expired, info: TimeoutInfo, request: number): void => {
      const { order, pings, at, cells } = expired;
      // Sent before the cells show it: code that sees it there may call `stop()`, which delivers what was sent.
      this.#notify({ id: order.id, pings, at, request, info });
      cells.fire(pings);
    };
    for (const one of notPinged) {
      const { order, secondsInactive, details } = one;
      tell(one, { name: order.name, secondsInactive, kind: "not-pinged", details }, 0);
    }
    return frozen.length > 0 && handleFreeze(this.#access, frozen, tell);
  }

  /** Asks a thread at a breakpoint, from time to time, whether it goes on. */
  async #goesOn(): Promise<boolean> {
    const now = threadClock.now();
    if (now < this.#askAgainAt) return false;
    if (!this.isIdle && (await this.#access.isPaused())) {
      this.#askAgainAt = now + PAUSED_POLL;
      return false;
    }
    // It is not known when it was stopped: every watchdog gets a whole timeout from now.
    this.#paused = false;
    this.#askedLoopAt = undefined;
    for (const entry of this.#watched.values()) Object.assign(entry, this.#begin(entry.cells));
    return true;
  }

  /** Whether the thread is silent because it is a worker that was terminated. */
  #isGone(): boolean {
    const { main, folder } = this.#data;
    if (main || folder === undefined) return false;
    const isLate = [...this.#watched.values()].some(({ watch }) => watch.reported !== "nothing");
    return isLate && !existsSync(folder);
  }

  #begin(cells: WatchCells): { readonly watch: Watch; readonly before: LeftOut } {
    const watch = beginWatch(cells.pings, this.#time.counted);
    cells.see(watch.pings, this.#theirNow);
    return { watch, before: this.#time.leftOut };
  }

  #notify(notice: Notice): void {
    this.#send(notice);
    this.#askedLoopAt ??= this.#time.counted;
  }

  #lookAround(): Sight {
    const { pulse } = this.#access;
    const loopRan = pulse !== this.#pulse;
    this.#pulse = pulse;
    if (loopRan) this.#askedLoopAt = undefined;
    const frozen: Expired[] = [];
    const notPinged: Expired[] = [];
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

  #leftOutSince(before: LeftOut): LeftOut {
    const { starved, suspended } = this.#time.leftOut;
    return { starved: starved - before.starved, suspended: suspended - before.suspended };
  }

  /** Reports time that was not counted, if it would have been a timeout. */
  #tellNotCounted({ order: { id, name }, watch, before, episodes }: Watched, pings: number): void {
    const left = this.#leftOutSince(before);
    const kind = episodes.look({ watch, pings, left, counted: this.#time.counted, now: threadClock.now() });
    if (kind === undefined) return;
    const details = { secondsStarved: left.starved / 1000, secondsSuspended: left.suspended / 1000 };
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
      entry.before = this.#time.leftOut;
    }
    // While synchronous code runs under a guard, the loop cannot run: there is no need to ask it.
    const guarded = Atomics.load(cells.counters, GUARD) === ARMED;
    const silent = this.#askedLoopAt === undefined ? 0 : now - this.#askedLoopAt;
    return judge(entry.watch, entry.order.timeout, guarded ? Infinity : silent, now);
  }

  #describe({ order, cells, watch: { pings, since }, before }: Watched): Expired {
    const secondsInactive = (this.#time.counted - since) / 1000;
    const { starved, suspended } = this.#leftOutSince(before);
    const details = notCounted((starved + suspended) / 1000);
    return { order, cells, pings, at: this.#theirNow, secondsInactive, details };
  }
}
