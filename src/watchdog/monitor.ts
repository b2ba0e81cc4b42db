import { readlinkSync } from "node:fs";
import type { MessagePort } from "node:worker_threads";
import { realClock, type Timer } from "../kernel/clock.js";
import { warn } from "../kernel/warning.js";
import { superviseByClock } from "./clock-supervision.js";
import { isInterrupting } from "./interrupt.js";
import { mainGlobal } from "./main-global.js";
import {
  CONTROL_CELLS,
  type FreezeHook,
  type MonitorData,
  type Notice,
  type Order,
  ORDERS,
  PULSE,
  sharedNow,
  type TimeoutNotice,
} from "./monitor-protocol.js";
import type { Subject, Supervision } from "./supervision.js";

/** How long the thread outlives its last watchdog: one after the other must not start a thread each. */
const LINGER = 250;

let current: Monitor | undefined;
let serial = 0;

function threadFolder(): string | undefined {
  try {
    return `/proc/${readlinkSync("/proc/thread-self")}`;
  } catch {
    // Not Linux, or /proc is hidden: the monitor does without the kernel's view.
    return undefined;
  }
}

/** This thread's end of the monitor thread: one for all watchdogs of the thread. */
class Monitor {
  readonly #subjects = new Map<number, Subject>();
  readonly #control = new Int32Array(new SharedArrayBuffer(CONTROL_CELLS * 4));
  readonly #hook: FreezeHook = {
    control: this.#control,
    isInterrupting,
    subjects: this.#subjects,
  };
  /** Another copy of the library, and another monitor, has another one. */
  readonly #hookKey = `@kstlib/resilience/watchdog/${Math.random()}`;
  readonly #port: MessagePort;
  readonly #receive: () => Notice | undefined;
  readonly #canInterrupt: boolean;
  #linger: Timer | undefined;

  constructor() {
    // Loaded at the first start: a program that only imports the library does not pay for it.
    const threads = process.getBuiltinModule("node:worker_threads");
    const { port1, port2 } = new threads.MessageChannel();
    // The types know `permission` as always there; it is not without the permission model.
    const permission = process.permission as typeof process.permission | undefined;
    const data: MonitorData = {
      port: port2,
      control: this.#control,
      hook: this.#hookKey,
      main: threads.isMainThread,
      mayInspect: permission?.has("inspector") !== false,
      folder: threadFolder(),
      ahead: realClock.now() - sharedNow(),
    };
    this.#port = port1;
    this.#receive = () => threads.receiveMessageOnPort(port1)?.message as Notice | undefined;
    this.#canInterrupt =
      threads.isMainThread && process.platform !== "win32" && process.versions["bun"] === undefined;
    try {
      new threads.Worker(new URL("./monitor-thread.js", import.meta.url), {
        name: "watchdog",
        workerData: data,
        transferList: [port2],
        // Neither the flags nor the environment of the program may change what this thread loads.
        execArgv: [],
        env: {},
      })
        .on("error", (error) => this.#lose(error))
        .on("exit", () => this.#lose(undefined))
        .unref();
    } catch (error) {
      port1.close();
      throw error;
    }
    Object.defineProperty(mainGlobal(), Symbol.for(this.#hookKey), { value: this.#hook, configurable: true });
    port1.on("message", (notice: Notice) => this.#deliver(notice)).unref();
  }

  watch(subject: Subject): Supervision {
    this.#linger?.cancel();
    const id = ++serial;
    this.#subjects.set(id, subject);
    const { name, timeout, pollInterval, onFreeze, exitCode, reportDirectory, heartbeat } = subject.settings;
    const { counters } = subject.cells;
    const link = heartbeat?.freezeLink;
    const order = { id, name, timeout, pollInterval, onFreeze, exitCode, reportDirectory, link };
    this.#send({ ...order, buffer: counters.buffer });
    return {
      interruptible: this.#canInterrupt ? counters : undefined,
      catchUp: () => this.#deliver(),
      end: () => {
        this.#subjects.delete(id);
        this.#send({ forget: id });
        if (this.#subjects.size > 0) return;
        this.#linger = realClock.setTimer(() => this.#close(), LINGER, { ref: false });
      },
    };
  }

  #send(order: Order): void {
    this.#port.postMessage(order);
    Atomics.add(this.#control, ORDERS, 1);
    Atomics.notify(this.#control, ORDERS);
  }

  /** Tells what the monitor has said until now; `notice` is what has woken the event loop. */
  #deliver(notice: Notice | undefined = this.#receive()): void {
    if (notice === undefined) return;
    Atomics.add(this.#control, PULSE, 1);
    // Of a thread that came to be blocked before it heard that it is late, the later news is the whole.
    const latest = new Map<string, TimeoutNotice>();
    for (let next: Notice | undefined = notice; next !== undefined; next = this.#receive()) {
      if (next === "question") continue;
      if ("notCounted" in next) this.#subjects.get(next.id)?.notCounted(next.notCounted);
      else latest.set(`${next.id} ${next.pings}`, next);
    }
    for (const { id, pings, request, info } of latest.values()) {
      const { late } = this.#hook;
      const { noStack: _, ...details } = info.details;
      // A stack taken as the thread came back is where it had been waiting.
      const complete =
        info.stack === undefined && late?.request === request
          ? { ...info, stack: late.stack, details }
          : info;
      this.#subjects.get(id)?.expired(pings, complete);
    }
  }

  /** The thread ended on its own: what it watched goes on with what this thread can see by itself. */
  #lose(error: unknown): void {
    const lost = [...this.#subjects.values()];
    this.#subjects.clear();
    this.#close();
    if (lost.length > 0) warnNoMonitor(error);
    for (const subject of lost) subject.lost();
  }

  #close(): void {
    if (current === this) current = undefined;
    this.#linger?.cancel();
    Reflect.deleteProperty(mainGlobal(), Symbol.for(this.#hookKey));
    this.#send("end");
    this.#port.close();
  }
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
    return superviseByClock(subject);
  }
  return current.watch(subject);
}
