import { readlinkSync } from "node:fs";
import type { MessagePort, Worker } from "node:worker_threads";
import { realClock, type Timer } from "../kernel/clock.js";
import { disposable } from "../kernel/disposable.js";
import { warn } from "../kernel/warning.js";
import { superviseByClock } from "./clock-supervision.js";
import { FreezeHookRegistration } from "./freeze-hook.js";
import {
  CONTROL_CELLS,
  type MonitorData,
  type Notice,
  type Order,
  ORDERS,
  PULSE,
} from "./monitor-protocol.js";
import type { Subject, Supervision } from "./supervision.js";
import type { TimeoutDetails } from "./timeout-info.js";

const LEAST_POLL = 20;
const MOST_POLL = 1000;
/** How long the thread outlives its last watchdog: one after the other must not start a thread each. */
const LINGER = 250;

/** A watchdog under supervision; `fallback` takes over when the thread is lost. */
interface Entry {
  readonly subject: Subject;
  fallback: Supervision | undefined;
  /** How many wait for it and keep the process alive. */
  holders: number;
}

let current: Monitor | undefined;
let serial = 0;

function threadNumber(): number | undefined {
  try {
    const number = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    return Number.isSafeInteger(number) ? number : undefined;
  } catch {
    // Not Linux, or /proc is hidden: the monitor does without the kernel's view.
    return undefined;
  }
}

/** This thread's end of the monitor thread: one for all watchdogs of the thread. */
class Monitor {
  readonly isMainThread: boolean;
  readonly #entries = new Map<number, Entry>();
  readonly #control = new Int32Array(new SharedArrayBuffer(CONTROL_CELLS * 4));
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #hook: FreezeHookRegistration;
  readonly #receive: () => Notice | undefined;
  #linger: Timer | undefined;

  constructor() {
    // Loaded at the first start: a program that only imports the library does not pay for it.
    const threads = process.getBuiltinModule("node:worker_threads");
    const { port1, port2 } = new threads.MessageChannel();
    this.isMainThread = threads.isMainThread;
    this.#hook = new FreezeHookRegistration(this.#control, (id) => this.#entries.get(id)?.subject.cells);
    // The types know `permission` as always there; it is not without the permission model.
    const permission = process.permission as typeof process.permission | undefined;
    const data: MonitorData = {
      port: port2,
      control: this.#control,
      hook: this.#hook.key,
      main: threads.isMainThread,
      mayInspect: permission === undefined || permission.has("inspector"),
      thread: threadNumber(),
    };
    this.#port = port1;
    this.#receive = () => threads.receiveMessageOnPort(port1)?.message as Notice | undefined;
    try {
      this.#worker = new threads.Worker(new URL("./monitor-thread.js", import.meta.url), {
        name: "watchdog",
        workerData: data,
        transferList: [port2],
        // Neither the flags nor the environment of the program may change what this thread loads.
        execArgv: [],
        env: {},
      });
    } catch (error) {
      port1.close();
      this.#hook[Symbol.dispose]();
      throw error;
    }
    this.#worker.on("error", (error) => this.#lose(error));
    this.#worker.on("exit", () => this.#lose(undefined));
    this.#worker.unref();
    this.#port.on("message", (notice: Notice) => this.#take(notice));
    this.#port.unref();
  }

  watch(subject: Subject): Supervision {
    this.#linger?.cancel();
    const id = ++serial;
    const entry: Entry = { subject, fallback: undefined, holders: 0 };
    this.#entries.set(id, entry);
    const { name, timeout, onFreeze, exitCode, cells } = subject;
    const poll = subject.pollInterval ?? Math.min(Math.max(timeout / 10, LEAST_POLL), MOST_POLL);
    cells.see(cells.pings);
    this.#send({ order: "watch", id, name, timeout, poll, onFreeze, exitCode, buffer: cells.buffer });
    return {
      canInterrupt:
        this.isMainThread && process.platform !== "win32" && process.versions["bun"] === undefined,
      observed: () => {
        if (entry.fallback !== undefined) return entry.fallback.observed();
        const { pings, ago } = cells.seen();
        return { pings, at: realClock.now() - ago };
      },
      catchUp: () => {
        this.#drain();
        entry.fallback?.catchUp();
      },
      hold: () => this.#hold(entry),
      end: () => {
        entry.fallback?.end();
        if (this.#entries.delete(id)) this.#forget(id);
      },
    };
  }

  #send(order: Order): void {
    this.#port.postMessage(order);
    Atomics.add(this.#control, ORDERS, 1);
    Atomics.notify(this.#control, ORDERS);
  }

  #forget(id: number): void {
    this.#send({ order: "forget", id });
    if (this.#entries.size > 0) return;
    this.#linger = realClock.setTimer(() => this.#close(), LINGER, { ref: false });
  }

  #hold(entry: Entry): Disposable {
    entry.holders++;
    this.#port.ref();
    const fallback = entry.fallback?.hold();
    return disposable(() => {
      entry.holders--;
      fallback?.[Symbol.dispose]();
      if ([...this.#entries.values()].every(({ holders }) => holders === 0)) this.#port.unref();
    });
  }

  #take(first: Notice): void {
    const notices = [first];
    for (let next = this.#receive(); next !== undefined; next = this.#receive()) notices.push(next);
    this.#deliver(notices);
  }

  #drain(): void {
    const first = this.#receive();
    if (first !== undefined) this.#take(first);
  }

  #deliver(notices: readonly Notice[]): void {
    Atomics.add(this.#control, PULSE, 1);
    for (const [index, notice] of notices.entries()) {
      if (notice.notice !== "timeout") continue;
      const { id, epoch, pings, request, info } = notice;
      // Of a thread that came to be blocked before it heard that it is late, the later news is the whole.
      const superseded = notices
        .slice(index + 1)
        .some((later) => later.notice === "timeout" && later.id === id && later.pings === pings);
      if (superseded) continue;
      const late = info.stack === undefined ? this.#hook.lateStack(request) : undefined;
      const complete =
        late === undefined ? info : { ...info, stack: late, details: stackCameLate(info.details) };
      this.#entries.get(id)?.subject.expired({ epoch, pings, info: complete });
    }
  }

  /** The thread ended on its own: what it watched goes on with what this thread can see by itself. */
  #lose(error: unknown): void {
    this.#close();
    if (this.#entries.size === 0) return;
    warnNoMonitor(error);
    for (const entry of this.#entries.values()) {
      entry.fallback = superviseByClock(entry.subject, realClock);
      // Let go of when the watchdog ends, which a waiter does as soon as it is done.
      if (entry.holders > 0) entry.fallback.hold();
    }
    this.#entries.clear();
  }

  #close(): void {
    if (current === this) current = undefined;
    this.#linger?.cancel();
    this.#hook[Symbol.dispose]();
    this.#send({ order: "end" });
    this.#port.close();
  }
}

/** A stack taken as the thread came back is where it had been waiting. */
function stackCameLate({ noStack, ...details }: TimeoutDetails): TimeoutDetails {
  void noStack;
  return details;
}

function warnNoMonitor(error: unknown): void {
  warn(
    "KSTLIB_NO_MONITOR",
    "there is no monitor thread: the watchdogs see work that hangs, not a blocked event loop",
    error,
  );
}

/**
 * Has the monitor thread watch; it starts with the first watchdog of this thread and ends with the last.
 * Where no thread can be started, a warning says so and timers do what they can.
 */
export function superviseByThread(subject: Subject): Supervision {
  try {
    current ??= new Monitor();
  } catch (error) {
    warnNoMonitor(error);
    return superviseByClock(subject, realClock);
  }
  return current.watch(subject);
}
