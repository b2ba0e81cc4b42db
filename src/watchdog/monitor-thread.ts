import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { realClock } from "../kernel/clock.js";
import {
  beginWatch,
  judge,
  type LeftOut,
  look,
  untilNextLook,
  type Verdict,
  type Watch,
} from "./deadline.js";
import { Freeze, type Frozen, notCounted } from "./freeze.js";
import {
  type MonitorData,
  type Notice,
  type Order,
  ORDERS,
  PULSE,
  sharedNow,
  type WatchOrder,
} from "./monitor-protocol.js";
import { MonitorTime } from "./monitor-time.js";
import { NotCountedEpisodes } from "./not-counted.js";
import { ARMED, GUARD, WatchCells } from "./watch-cells.js";
import { writeError } from "./write-error.js";

const LEAST_POLL = 20;
const MOST_POLL = 1000;

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

const data = workerData as MonitorData;
const { port, control } = data;
const watched = new Map<number, Watched>();
const freeze = new Freeze(data, writeError);
const time = new MonitorTime(data.folder);

/** The pulse of the event loop at the last look, and since when a question to it is unanswered. */
let pulse = Atomics.load(control, PULSE);
let askedLoopAt: number | undefined;

function notify(notice: Notice): void {
  port.postMessage(notice);
  askedLoopAt ??= time.counted;
}

function takePulse(): boolean {
  const before = pulse;
  pulse = Atomics.load(control, PULSE);
  const ran = pulse !== before;
  if (ran) askedLoopAt = undefined;
  return ran;
}

function leftOutNow(): LeftOut {
  const { starved, suspended } = time;
  return { starved, suspended };
}

/** Tells of time that was left out, when it would have been a timeout. */
function tellNotCounted({ order, watch, before, episodes }: Watched, pings: number): void {
  const left = { starved: time.starved - before.starved, suspended: time.suspended - before.suspended };
  const kind = episodes.look({ watch, pings, left, counted: time.counted, now: realClock.now() });
  if (kind === undefined) return;
  const details = { secondsStarved: left.starved / 1000, secondsSuspended: left.suspended / 1000 };
  const { id, name } = order;
  notify({ id, notCounted: { name, kind, seconds: left[kind] / 1000, details } });
}

function lookAt(entry: Watched, loopRan: boolean): Verdict {
  const { cells, watch } = entry;
  const { pings } = cells;
  tellNotCounted(entry, pings);
  entry.watch = look(watch, pings, loopRan, time.counted);
  if (watch.pings !== pings) {
    cells.see(pings, sharedNow() + data.ahead);
    entry.before = leftOutNow();
  }
  // While synchronous code runs under a guard the loop cannot turn: nothing to ask it.
  const guarded = Atomics.load(cells.counters, GUARD) === ARMED;
  const silent = askedLoopAt === undefined ? 0 : time.counted - askedLoopAt;
  return judge(entry.watch, entry.order.timeout, guarded ? Infinity : silent, time.counted);
}

function describe({ order, cells, watch, before }: Watched): Frozen {
  const { id, name, onFreeze, exitCode, reportDirectory, link } = order;
  const { pings, since } = watch;
  const secondsInactive = (time.counted - since) / 1000;
  const secondsNotCounted = (time.uncounted - before.starved - before.suspended) / 1000;
  const what = { id, name, pings, cells, onFreeze, exitCode, reportDirectory, link };
  return { ...what, secondsInactive, secondsNotCounted };
}

function tellNotPinged({ id, name, pings, cells, secondsInactive, secondsNotCounted }: Frozen): void {
  cells.fire(pings);
  const details = notCounted(secondsNotCounted);
  const info = { name, secondsInactive, kind: "not-pinged", details } as const;
  notify({ id, pings, request: 0, info });
}

/** Looks at all watchdogs once; says which are frozen and how long the next look can wait. */
function lookAround(): { readonly frozen: readonly Frozen[]; readonly wait: number } {
  const loopRan = takePulse();
  const frozen: Frozen[] = [];
  let wait = Infinity;
  for (const entry of watched.values()) {
    const verdict = lookAt(entry, loopRan);
    if (verdict === "suspect" && askedLoopAt === undefined) notify("question");
    if (verdict === "not-pinged" || verdict === "blocked") {
      entry.watch = { ...entry.watch, told: verdict };
      if (verdict === "blocked") frozen.push(describe(entry));
      else tellNotPinged(describe(entry));
    }
    wait = Math.min(wait, untilNextLook(entry.watch, entry.order.timeout, entry.poll, time.counted));
  }
  return { frozen, wait };
}

/** Carries out what the watched thread has asked for; says whether to go on. */
function takeOrders(): boolean {
  for (let found = receiveMessageOnPort(port); found !== undefined; found = receiveMessageOnPort(port)) {
    const order = found.message as Order;
    if (order === "end") return false;
    if ("forget" in order) watched.delete(order.forget);
    else {
      const { id, timeout, pollInterval, buffer } = order;
      const poll = pollInterval ?? Math.min(Math.max(timeout / 10, LEAST_POLL), MOST_POLL);
      const cells = new WatchCells(buffer);
      const watch = beginWatch(cells.pings, time.counted);
      cells.see(watch.pings, sharedNow() + data.ahead);
      const episodes = new NotCountedEpisodes(timeout);
      watched.set(id, { order, poll, cells, watch, before: leftOutNow(), episodes });
    }
  }
  return true;
}

/**
 * Waiting without an event loop is what makes the idle monitor cheap: a look costs a fraction of a timer's
 * firing. Only the handling of a freeze turns the loop, because the inspector needs it.
 */
async function keepWatch(): Promise<void> {
  for (let taken = -1; ;) {
    const orders = Atomics.load(control, ORDERS);
    // Before the orders: what has passed by now is no time of a watchdog that starts now.
    time.pass(askedLoopAt !== undefined);
    if (orders !== taken && !takeOrders()) break;
    taken = orders;
    const { frozen, wait } = lookAround();
    if (frozen.length > 0) {
      await freeze.handle(frozen, notify);
      time.wasBusy();
    } else {
      time.expect(wait);
      Atomics.wait(control, ORDERS, orders, wait);
    }
  }
  port.close();
}

void keepWatch();
