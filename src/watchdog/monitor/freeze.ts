import { type FreezeLink, writeFrozen } from "../../heartbeat-file/freeze-link.js";
import { freezeReport, noteOf } from "../freeze-report.js";
import { EXIT, LEAVE, TAKE_STACK } from "./freeze-hook.js";
import { killOwnProcess } from "../../process/kill.js";
import { type Answer, evaluateOnMain, isMainPaused } from "../../process/inspector.js";
import { pause } from "../../process/wait.js";
import { EXITING, type Notice, PULSE, REQUEST, type ThreadData } from "../monitor-protocol.js";
import { notCounted } from "./not-counted.js";
import type { OnFreeze } from "../options.js";
import { removeOldReports, writeReport } from "./report-file.js";
import { leadsToCode } from "../stack.js";
import { threadFacts } from "./thread-facts.js";
import type { TimeoutDetails, TimeoutInfo } from "../timeout-info.js";
import { ARMED, GUARD, STRUCK, type WatchCells } from "../watch-cells.js";

/** A watchdog whose thread is frozen. */
export interface Frozen {
  readonly id: number;
  readonly name: string;
  readonly pings: number;
  /** When it was found, by the clock of the watched thread. */
  readonly at: number;
  readonly secondsInactive: number;
  readonly cells: WatchCells;
  readonly onFreeze: OnFreeze;
  readonly exitCode: number;
  readonly reportDirectory: string | undefined;
  readonly maxReports: number;
  readonly link: FreezeLink | undefined;
  readonly secondsNotCounted: number;
}

/** How long a thread that can run JavaScript may take to answer. */
const PATIENCE = 500;
/** A sleeping thread that answers later than this was in a system call, and is back. */
const PROMPT = 100;
/** How often a thread is asked again whose stack was empty. */
const REPEATS = 9;
/** How long the `exit` listeners of the process may take. */
const EXIT_PATIENCE = 5000;

const SPARED = "the thread is back, the process goes on";

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

/** What is known of a frozen thread. */
interface Examination extends Pick<TimeoutInfo, "kind" | "stack" | "details"> {
  /** Whether a debugger has it. */
  readonly paused: boolean;
  /** Whether it has run JavaScript for the monitor. */
  readonly answered: boolean;
}

/** What the monitor does about a frozen thread: finds out where it is, reports, and acts. */
export class Freeze {
  readonly #data: ThreadData;
  readonly #write: (text: string) => void;
  #requests = 0;

  constructor(data: ThreadData, write: (text: string) => void) {
    this.#data = data;
    this.#write = write;
  }

  /** @returns `"paused"`, and has done nothing, when a debugger has the thread. */
  async handle(frozen: readonly Frozen[], notify: (notice: Notice) => void): Promise<"handled" | "paused"> {
    const { control } = this.#data;
    const pulse = Atomics.load(control, PULSE);
    const request = this.#nextRequest();
    const { kind, stack, details, paused, answered } = await this.#examine(request);
    if (paused) return "paused";
    const infoOf = ({ name, secondsInactive, secondsNotCounted }: Frozen): TimeoutInfo => ({
      name,
      secondsInactive,
      kind,
      ...(stack === undefined ? {} : { stack }),
      details: { ...details, ...notCounted(secondsNotCounted) },
    });
    this.#write(freezeReport(frozen.map(infoOf)));
    for (const one of frozen) this.#record(one, infoOf(one), pulse);
    for (const one of frozen) {
      const { id, pings, at, cells } = one;
      // First, because who sees that the watchdog has fired may stop it at once, and hears of it before that.
      notify({ id, pings, at, request, info: infoOf(one) });
      cells.fire(pings);
    }
    if (await this.#interrupt(frozen)) return "handled";
    const native = kind === "blocked-native";
    await this.#act(frozen, pulse, { native: native && !answered, returned: native && answered });
    return "handled";
  }

  /** Whether a debugger has the thread, at a breakpoint or before it goes on. */
  async isPaused(): Promise<boolean> {
    const { main, uninspectable } = this.#data;
    if (!main || uninspectable !== undefined) return false;
    try {
      return await isMainPaused(PATIENCE);
    } catch {
      // Who lets nobody look in is in no debugger's hands, as far as anybody can tell.
      return false;
    }
  }

  /** Says it in files, for those who look at the process from outside. */
  #record(frozen: Frozen, info: TimeoutInfo, pulse: number): void {
    const { name, link, reportDirectory, maxReports, onFreeze } = frozen;
    if (link !== undefined) {
      const isFrozen = (): boolean => !this.#isBack([frozen], pulse);
      this.#attempt(name, `${link.file} cannot say frozen`, () => writeFrozen(link, isFrozen));
    }
    if (reportDirectory === undefined) return;
    this.#attempt(name, `no report in ${reportDirectory}`, () => {
      const latest = writeReport(reportDirectory, info, onFreeze);
      const failure = `old reports stay in ${reportDirectory}`;
      this.#attempt(name, failure, () => removeOldReports(reportDirectory, maxReports, latest));
    });
  }

  /** What fails is a line on stderr and nothing else. */
  #attempt(name: string, failure: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#write(noteOf(name, `${failure}: ${String(error)}`));
    }
  }

  /** Whether the thread's loop has turned, or all that were frozen have been pinged. */
  #isBack(frozen: readonly Frozen[], pulse: number): boolean {
    const isPinged = frozen.every(({ cells, pings }) => cells.pings !== pings);
    return isPinged || Atomics.load(this.#data.control, PULSE) !== pulse;
  }

  /** A thread that has come out of native code is given the time to show that it goes on. */
  async #comesBack(frozen: readonly Frozen[], pulse: number): Promise<boolean> {
    for (let waited = 0; waited < PATIENCE; waited += 10) {
      if (this.#isBack(frozen, pulse)) break;
      await pause(10);
    }
    return this.#isBack(frozen, pulse);
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

  async #examine(request: number): Promise<Examination> {
    const { main, uninspectable, folder } = this.#data;
    // Looked at first: the question itself may wake the thread up.
    const facts = threadFacts(folder);
    const asked = main && uninspectable === undefined;
    const answer = asked ? await this.#evaluate(this.#calling(TAKE_STACK, request), PATIENCE) : undefined;
    const kind = kindOfBlock(answer, asked, facts.threadState);
    const stack = await this.#stackFrom(answer, kind, request);
    const noStack = stack === undefined ? this.#whyNoStack(answer) : undefined;
    const details: TimeoutDetails = noStack === undefined ? facts : { ...facts, noStack };
    // A thread that answers nobody is not in the hands of a debugger.
    const paused = answer !== undefined && (await this.isPaused());
    return {
      kind,
      ...(stack === undefined ? {} : { stack }),
      details,
      paused,
      answered: answer !== undefined,
    };
  }

  async #stackFrom(
    answer: Answer | undefined,
    kind: TimeoutInfo["kind"],
    request: number,
  ): Promise<string | undefined> {
    let stack = answer?.value;
    if (kind === "blocked-native") return stack !== undefined && leadsToCode(stack) ? stack : undefined;
    // Microtasks that follow each other for ever: between two of them there is no frame, in one of them there is.
    for (let again = 0; stack === "" && again < REPEATS; again++) {
      stack = (await this.#evaluate(this.#calling(TAKE_STACK, request), PATIENCE))?.value;
    }
    return stack === "" ? undefined : stack;
  }

  #whyNoStack(answer: Answer | undefined): string {
    if (answer !== undefined) return "no JavaScript of the program was on the stack when asked";
    if (!this.#data.main) return "only the main thread can be inspected";
    if (this.#data.uninspectable !== undefined) return this.#data.uninspectable;
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

  /**
   * @param native whether it is in native code still.
   * @param returned whether it has come out of native code just now.
   */
  async #act(
    frozen: readonly Frozen[],
    pulse: number,
    { native, returned }: { readonly native: boolean; readonly returned: boolean },
  ): Promise<void> {
    const stillFrozen = frozen.filter(({ cells, pings }) => cells.pings === pings);
    const acting = stillFrozen.filter(({ onFreeze }) => onFreeze !== "report");
    const [first] = acting;
    if (first === undefined || this.#isBack(acting, pulse)) return;
    if (returned && (await this.#comesBack(acting, pulse))) {
      this.#write(noteOf(first.name, SPARED));
      return;
    }
    const kills = acting.some(({ onFreeze }) => onFreeze === "kill");
    if (kills) this.#kill("onFreeze is kill");
    else await this.#exit(first, pulse, native);
  }

  async #exit(leaving: Frozen, pulse: number, native: boolean): Promise<void> {
    const { main, uninspectable } = this.#data;
    const { exitCode, name, id } = leaving;
    if (uninspectable !== undefined) {
      this.#kill("JavaScript cannot be run on the frozen thread");
      return;
    }
    this.#write(noteOf(name, `ending the process with exit code ${exitCode}`));
    if (main) {
      const request = this.#nextRequest();
      const cells = { PULSE, REQUEST, EXITING };
      void this.#evaluate(this.#calling(LEAVE, request, { id, pulse, exitCode, native }, cells), PATIENCE);
      const reply = await this.#exitReply(request);
      // Withdrawn, so that it cannot strike much later, when the thread has long come back.
      if (reply !== "leaving") this.#nextRequest();
      if (reply === "none") this.#kill("no JavaScript runs on the frozen thread");
      if (reply === "declined") await this.#reconsider(leaving, pulse, native);
      if (reply !== "leaving") return;
    } else {
      // A frozen worker leaves the main thread free: it ends the process as any code of it would.
      void this.#evaluate(`(${EXIT})(${exitCode})`, PATIENCE);
    }
    await pause(EXIT_PATIENCE);
    this.#kill(`the exit listeners took longer than ${EXIT_PATIENCE / 1000} s`);
  }

  /** The thread declined to exit: it is back. Out of native code it may have come to block again at once. */
  async #reconsider(leaving: Frozen, pulse: number, native: boolean): Promise<void> {
    const isBack = !native || (await this.#comesBack([leaving], pulse));
    if (!isBack) await this.#exit(leaving, pulse, false);
    else this.#write(noteOf(leaving.name, SPARED));
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
    const tell = (line: string): void => this.#write(`[watchdog] ${line}\n`);
    tell(`killing the process: ${why}`);
    killOwnProcess(tell);
  }
}
