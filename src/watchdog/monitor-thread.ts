import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { realClock, type Timer } from "../kernel/clock.js";
import { beginWatch, countedTime, judge, look, untilNextLook, type Verdict, type Watch } from "./deadline.js";
import { Freeze, type Frozen } from "./freeze.js";
import { type MonitorData, type Notice, type Order, PULSE } from "./monitor-protocol.js";
import { runQueueWait } from "./thread-facts.js";
import { ARMED, GUARD, WatchCells } from "./watch-cells.js";

/** A watchdog as the monitor knows it. */
interface Watched extends Extract<Order, { order: "watch" }> {
  readonly cells: WatchCells;
  watch: Watch;
}

const data = workerData as MonitorData;
const { port, control } = data;
const watched = new Map<number, Watched>();
const freeze = new Freeze(data, (text) => writeError(text));

/** The time that counts for deadlines: stands still while nothing could run. */
let counted = 0;
let lastLook = realClock.now();
let asked = 0;
let lastQueued: number | undefined;
let timer: Timer | undefined;
let busy = false;

/** The last question to the event loop: the pulse it was asked at, and when, if it is still unanswered. */
let pulse = Atomics.load(control, PULSE);
let askedLoopAt: number | undefined;

// A stream of this thread would print by way of the very thread that is frozen.
function writeError(text: string): void {
  let left = Buffer.from(text);
  // A pipe that is full for longer has no reader worth waiting for.
  for (let attempts = 0; left.length > 0 && attempts < 20; attempts++) {
    try {
      left = left.subarray(writeSync(2, left));
    } catch (error) {
      if (!(error instanceof Error && Reflect.get(error, "code") === "EAGAIN")) return;
      realClock.sleepSync(5);
    }
  }
}

function notify(notice: Notice): void {
  port.postMessage(notice);
  askedLoopAt ??= counted;
}

function passTime(): void {
  const now = realClock.now();
  // Starvation is worth a file read only when somebody is late.
  const queued = askedLoopAt === undefined ? undefined : runQueueWait(data.thread);
  const waited = queued === undefined || lastQueued === undefined ? 0 : queued - lastQueued;
  lastQueued = queued;
  counted += countedTime(now - lastLook, asked, waited);
  lastLook = now;
}

function takePulse(): boolean {
  const before = pulse;
  pulse = Atomics.load(control, PULSE);
  const ran = pulse !== before;
  if (ran) askedLoopAt = undefined;
  return ran;
}

function tell(entry: Watched, told: Watch["told"]): void {
  entry.watch = { ...entry.watch, told };
}

function lookAt(entry: Watched, loopRan: boolean): Verdict {
  const { cells, watch } = entry;
  const pings = cells.pings;
  entry.watch = look(watch, cells.epoch, pings, loopRan, counted);
  if (entry.watch.pings !== watch.pings || entry.watch.epoch !== watch.epoch) cells.see(pings);
  // While synchronous code runs under a guard the loop cannot turn: nothing to ask it.
  const guarded = Atomics.load(cells.counters, GUARD) === ARMED;
  const silent = askedLoopAt === undefined ? 0 : counted - askedLoopAt;
  return judge(entry.watch, entry.timeout, guarded ? Infinity : silent, counted);
}

function describe({ name, watch, id, cells, onFreeze, exitCode, timeout }: Watched, now: number): Frozen {
  const { epoch, pings, since } = watch;
  const secondsInactive = (now - since) / 1000;
  return { id, name, epoch, pings, secondsInactive, cells, onFreeze, exitCode, timeout };
}

function lookAround(): void {
  if (busy) return;
  timer?.cancel();
  passTime();
  const loopRan = takePulse();
  const frozen: Frozen[] = [];
  let wait = Infinity;
  for (const entry of watched.values()) {
    const verdict = lookAt(entry, loopRan);
    if (verdict === "suspect" && askedLoopAt === undefined) notify({ notice: "question" });
    if (verdict === "not-pinged") {
      const { id, epoch, pings, secondsInactive } = describe(entry, counted);
      tell(entry, "not-pinged");
      entry.cells.fire(epoch, pings);
      const info = { secondsInactive, kind: "not-pinged", details: {} } as const;
      notify({ notice: "timeout", id, epoch, pings, request: 0, info });
    }
    if (verdict === "blocked") {
      tell(entry, "blocked");
      frozen.push(describe(entry, counted));
    }
    wait = Math.min(wait, untilNextLook(entry.watch, entry.timeout, entry.poll, counted));
  }
  if (frozen.length > 0) {
    void handle(frozen);
    return;
  }
  asked = wait;
  if (wait !== Infinity) timer = realClock.setTimer(lookAround, wait);
}

async function handle(frozen: readonly Frozen[]): Promise<void> {
  busy = true;
  await freeze.handle(frozen, notify);
  busy = false;
  // What this took is time like any other, not a sign that this thread was asleep.
  asked = realClock.now() - lastLook;
  lookAround();
}

port.on("message", (order: Order) => {
  if (order.order === "watch") {
    const cells = new WatchCells(order.buffer);
    // What is counted up to now is not this watchdog's.
    if (!busy) passTime();
    const watch = beginWatch(cells.epoch, cells.pings, counted);
    cells.see(watch.pings);
    watched.set(order.id, { ...order, cells, watch });
  } else {
    watched.delete(order.id);
  }
  lookAround();
});

// Without the port and the timer nothing is left to do, and the thread ends.
port.on("close", () => {
  watched.clear();
  timer?.cancel();
});
