import { readlinkSync } from "node:fs";
import { realClock } from "../kernel/clock.js";
import { sharedNow } from "../process/thread-clock.js";
import { warn } from "../kernel/warning.js";
import { superviseByClock } from "./clock-supervision.js";
import { isInterrupting, threadLock } from "./interrupt.js";
import { mainGlobal } from "./main-global.js";
import { joinMonitor, type LinkListener, type MonitorLink, startMonitor } from "./monitor-link.js";
import {
  CONTROL_CELLS,
  DEBUGGABLE,
  type FreezeHook,
  type Notice,
  PULSE,
  type ThreadData,
  type TimeoutNotice,
} from "./monitor-protocol.js";
import { whyUninspectable } from "../process/inspector.js";
import { canBreak } from "../process/runtime.js";
import { leadsToCode } from "./stack.js";
import type { Subject, Supervision } from "./supervision.js";

let current: Monitor | undefined;
let serial = 0;

function threadFolder(): string | undefined {
  try {
    return `/proc/${readlinkSync("/proc/thread-self")}`;
  } catch {
    // Not Linux, or /proc is hidden: the monitor does without.
    return undefined;
  }
}

/** Whether a debugger can attach to this thread. */
function isDebuggable(): boolean {
  try {
    return process.getBuiltinModule("node:inspector").url() !== undefined;
  } catch {
    // A runtime without an inspector, or built without.
    return false;
  }
}

/** A watched thread's side of the monitor. */
class Monitor {
  readonly #subjects = new Map<number, Subject>();
  readonly #control = new Int32Array(new SharedArrayBuffer(CONTROL_CELLS * 4));
  readonly #hook: FreezeHook = {
    control: this.#control,
    isInterrupting,
    subjects: this.#subjects,
  };
  /** Different for each thread and each copy of the package. */
  readonly #key = `@kstlib/resilience/watchdog/${Math.random()}`;
  readonly #link: MonitorLink;
  /** Received but not yet reported: if a callback stops another watchdog, the timeout of that one is reported first. */
  readonly #pending = new Map<string, TimeoutNotice>();
  readonly #canInterrupt: boolean;

  constructor() {
    // Loaded here, so that a program that only imports the package does not pay for it.
    const threads = process.getBuiltinModule("node:worker_threads");
    const thread: ThreadData = {
      key: this.#key,
      control: this.#control,
      lock: threadLock(),
      main: threads.isMainThread,
      uninspectable: whyUninspectable(),
      folder: threadFolder(),
      ahead: realClock.now() - sharedNow(),
    };
    this.#canInterrupt = threads.isMainThread && canBreak;
    const listener: LinkListener = {
      heard: (notice) => this.#deliver(notice),
      ended: (error) => this.#lose(error),
    };
    this.#link = joinMonitor(threads, thread, listener) ?? startMonitor(threads, thread, listener);
    Object.defineProperty(mainGlobal(), Symbol.for(this.#key), { value: this.#hook, configurable: true });
  }

  /** @returns `undefined` if the monitor has ended in the meantime. */
  watch(subject: Subject): Supervision | undefined {
    const id = ++serial;
    const { name, timeout, pollInterval, onFreeze, exitCode, heartbeat, ...others } = subject.settings;
    const { reportDirectory, maxReports } = others;
    const { counters } = subject.cells;
    const what = { id, name, timeout, pollInterval, onFreeze, exitCode, reportDirectory, maxReports };
    if (!this.#link.send({ ...what, link: heartbeat?.freezeLink, buffer: counters.buffer })) {
      this.#close();
      return undefined;
    }
    this.#subjects.set(id, subject);
    return {
      interruptible: this.#canInterrupt ? counters : undefined,
      catchUp: () => this.#deliver(),
      end: () => {
        this.#subjects.delete(id);
        this.#link.send({ forget: id });
      },
    };
  }

  /** Reports what the monitor has sent so far; `notice` woke the event loop. */
  #deliver(notice: Notice | undefined = this.#link.receive()): void {
    if (notice !== undefined) this.#hear(notice);
    for (const [key, found] of this.#pending) {
      this.#pending.delete(key);
      this.#tell(found);
    }
  }

  #hear(notice: Notice): void {
    Atomics.store(this.#control, DEBUGGABLE, isDebuggable() ? 1 : 0);
    Atomics.add(this.#control, PULSE, 1);
    for (let next: Notice | undefined = notice; next !== undefined; next = this.#link.receive()) {
      if (next === "question") continue;
      if ("notCounted" in next) this.#subjects.get(next.id)?.notCounted(next.notCounted);
      // If a hang became a freeze before the thread could report it, only the freeze is reported.
      else this.#pending.set(`${next.id} ${next.pings}`, next);
    }
  }

  #tell({ id, pings, at, request, info }: TimeoutNotice): void {
    const { late } = this.#hook;
    const { noStack: _, ...details } = info.details;
    // The stack may have been taken only at the end of the freeze: it shows what the thread was waiting in.
    const complete =
      info.stack === undefined && late?.request === request && leadsToCode(late.stack)
        ? { ...info, stack: late.stack, details }
        : info;
    this.#subjects.get(id)?.expired(pings, at, complete);
  }

  /** The monitor thread has crashed: its watchdogs continue with timers of this thread. */
  #lose(error: unknown): void {
    const lost = [...this.#subjects.values()];
    this.#subjects.clear();
    this.#close();
    if (lost.length > 0) warnNoMonitor(error);
    for (const subject of lost) subject.lost();
  }

  #close(): void {
    if (current === this) current = undefined;
    Reflect.deleteProperty(mainGlobal(), Symbol.for(this.#key));
    this.#link.close();
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
 * Watches by a monitor thread. There is one for the process, started with the first watchdog of the main thread and
 * ended with the last of all threads; a worker thread that was started before it has its own.
 * Where no thread can be started, a warning says so and timers take over.
 */
export function superviseByThread(subject: Subject): Supervision {
  try {
    // The monitor may have ended just now.
    for (let attempt = 0; attempt < 2; attempt++) {
      current ??= new Monitor();
      const supervision = current.watch(subject);
      if (supervision !== undefined) return supervision;
    }
    warnNoMonitor(undefined);
  } catch (error) {
    warnNoMonitor(error);
  }
  return superviseByClock(subject);
}
