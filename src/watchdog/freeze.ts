import { realClock } from "../kernel/clock.js";
import { NO_INSPECTOR } from "./abilities.js";
import { freezeReport } from "./freeze-report.js";
import { EXIT, LEAVE, TAKE_STACK } from "./freeze-hook.js";
import { type Answer, evaluateOnMain } from "./main-inspector.js";
import { EXITING, type MonitorData, type Notice, PULSE, REQUEST } from "./monitor-protocol.js";
import type { OnFreeze } from "./options.js";
import { threadFacts } from "./thread-facts.js";
import type { TimeoutDetails, TimeoutInfo } from "./timeout-info.js";
import { ARMED, GUARD, STRUCK, type WatchCells } from "./watch-cells.js";

/** A watchdog whose thread is frozen. */
export interface Frozen {
  readonly id: number;
  readonly name: string;
  readonly pings: number;
  readonly secondsInactive: number;
  readonly cells: WatchCells;
  readonly onFreeze: OnFreeze;
  readonly exitCode: number;
  readonly secondsNotCounted: number;
}

/** Told only when it matters: every wait is late by a little. */
export function notCounted(secondsNotCounted: number): TimeoutDetails {
  return secondsNotCounted < 0.1 ? {} : { secondsNotCounted };
}

/** How long a thread that can run JavaScript may take to answer. */
const PATIENCE = 500;
/** A sleeping thread that answers later than this was in a system call, and is back. */
const PROMPT = 100;
/** How long the `exit` listeners of the process may take. */
const EXIT_PATIENCE = 5000;

/** Says whether a blocked thread runs JavaScript or something that no engine can look into. */
export function kindOfBlock(
  answer: Answer | undefined,
  asked: boolean,
  state: string | undefined,
): TimeoutInfo["kind"] {
  const asleep = state === "S" || state === "D";
  if (!asked) return asleep ? "blocked-native" : "blocked-js";
  if (answer === undefined) return "blocked-native";
  return asleep && answer.took > PROMPT ? "blocked-native" : "blocked-js";
}

/** What the monitor does about a frozen thread: finds out where it is, reports, and acts. */
export class Freeze {
  readonly #data: MonitorData;
  readonly #write: (text: string) => void;
  #requests = 0;

  constructor(data: MonitorData, write: (text: string) => void) {
    this.#data = data;
    this.#write = write;
  }

  async handle(frozen: readonly Frozen[], notify: (notice: Notice) => void): Promise<void> {
    const { control } = this.#data;
    const pulse = Atomics.load(control, PULSE);
    const request = this.#nextRequest();
    const { kind, stack, details } = await this.#examine(request);
    const infoOf = ({ name, secondsInactive, secondsNotCounted }: Frozen): TimeoutInfo => ({
      name,
      secondsInactive,
      kind,
      ...(stack === undefined ? {} : { stack }),
      details: { ...details, ...notCounted(secondsNotCounted) },
    });
    this.#write(freezeReport(frozen.map(infoOf)));
    for (const one of frozen) {
      const { id, pings, cells } = one;
      cells.fire(pings);
      notify({ id, pings, request, info: infoOf(one) });
    }
    if (await this.#interrupt(frozen)) return;
    await this.#act(frozen, pulse);
  }

  #nextRequest(): number {
    const request = ++this.#requests;
    Atomics.store(this.#data.control, REQUEST, request);
    return request;
  }

  /** The source text of a call on the watched thread: its hook comes first, the rest as JSON. */
  #calling(callee: string, ...args: readonly unknown[]): string {
    const [hook, ...rest] = [this.#data.hook, ...args].map((value) => JSON.stringify(value));
    return `(${callee})(${[`globalThis[Symbol.for(${hook})]`, ...rest].join(", ")})`;
  }

  async #examine(request: number): Promise<Pick<TimeoutInfo, "kind" | "stack" | "details">> {
    const { main, mayInspect, folder } = this.#data;
    // Looked at first: the question itself may wake the thread up.
    const facts = threadFacts(folder);
    const asked = main && mayInspect;
    const answer = asked ? await this.#evaluate(this.#calling(TAKE_STACK, request), PATIENCE) : undefined;
    const kind = kindOfBlock(answer, asked, facts.threadState);
    const noStack = this.#whyNoStack(answer);
    const details: TimeoutDetails = noStack === undefined ? facts : { ...facts, noStack };
    return answer === undefined ? { kind, details } : { kind, stack: answer.value, details };
  }

  #whyNoStack(answer: Answer | undefined): string | undefined {
    if (answer !== undefined) return undefined;
    if (!this.#data.main) return "only the main thread can be inspected";
    if (!this.#data.mayInspect) return NO_INSPECTOR;
    return `the thread did not answer within ${PATIENCE / 1000} s`;
  }

  async #evaluate(expression: string, patience: number): Promise<Answer | undefined> {
    try {
      return await evaluateOnMain(expression, patience);
    } catch (error) {
      this.#write(`[watchdog] the thread cannot be inspected: ${String(error)}\n`);
      return undefined;
    }
  }

  /** Throws an error into synchronous code that runs under a guard; says whether it came out. */
  async #interrupt(frozen: readonly Frozen[]): Promise<boolean> {
    const struck = frozen.filter(
      ({ cells }) => Atomics.compareExchange(cells.counters, GUARD, ARMED, STRUCK) === ARMED,
    );
    if (struck.length === 0) return false;
    process.kill(process.pid, "SIGINT");
    const out = (): boolean => struck.every(({ cells }) => Atomics.load(cells.counters, GUARD) !== STRUCK);
    for (let waited = 0; waited < PATIENCE && !out(); waited += 10) await pause(10);
    return out();
  }

  async #act(frozen: readonly Frozen[], pulse: number): Promise<void> {
    const stillFrozen = frozen.filter(({ cells, pings }) => cells.pings === pings);
    if (Atomics.load(this.#data.control, PULSE) !== pulse) return;
    if (stillFrozen.some(({ onFreeze }) => onFreeze === "kill")) {
      this.#kill("onFreeze is kill");
      return;
    }
    const leaving = stillFrozen.find(({ onFreeze }) => onFreeze === "exit");
    if (leaving !== undefined) await this.#exit(leaving, pulse);
  }

  async #exit({ id, exitCode, name }: Frozen, pulse: number): Promise<void> {
    const { main, mayInspect } = this.#data;
    if (!mayInspect) {
      this.#kill("JavaScript cannot be run on the frozen thread");
      return;
    }
    this.#write(`[watchdog] ${name}: ending the process with exit code ${exitCode}\n`);
    if (main) {
      const request = this.#nextRequest();
      const cells = { PULSE, REQUEST, EXITING };
      void this.#evaluate(this.#calling(LEAVE, request, { id, pulse, exitCode }, cells), PATIENCE);
      const reply = await this.#exitReply(request);
      if (reply === "declined") return;
      if (reply === "none") {
        // Withdrawn, so that it cannot strike much later, when the thread has long come back.
        this.#nextRequest();
        this.#kill("no JavaScript runs on the frozen thread");
        return;
      }
    } else {
      // A frozen worker leaves the main thread free: it ends the process as any code of it would.
      void this.#evaluate(`(${EXIT})(${exitCode})`, PATIENCE);
    }
    await pause(EXIT_PATIENCE);
    this.#kill(`the exit listeners took longer than ${EXIT_PATIENCE / 1000} s`);
  }

  async #exitReply(request: number): Promise<"leaving" | "declined" | "none"> {
    for (let waited = 0; waited <= PATIENCE; waited += 10) {
      const reply = Atomics.load(this.#data.control, EXITING);
      if (reply === request) return "leaving";
      if (reply === -request) return "declined";
      await pause(10);
    }
    return "none";
  }

  #kill(why: string): void {
    this.#write(`[watchdog] killing the process: ${why}\n`);
    process.kill(process.pid, "SIGKILL");
  }
}

function pause(delay: number): Promise<void> {
  return new Promise((resolve) => {
    realClock.setTimer(resolve, delay);
  });
}
