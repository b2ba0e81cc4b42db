import { isTyped } from "../../shutdown/second-signal.js";
import { inSeconds, type SuperviseAction, type SuperviseEvent } from "./events.js";
import type { BeatSign } from "./beat-detector.js";
import { RestartBudget } from "./restart-budget.js";
import type { SuperviseSettings } from "./settings.js";
import { shellCode, type SignalRole } from "./signals.js";
import { HangDetector } from "./hang-detector.js";

/** The exit code after a crash loop: EX_TEMPFAIL of sysexits.h. */
export const EXIT_CRASH_LOOP = 75;

/** Milliseconds between two counts of the processes that a program has left behind. */
const COUNT_INTERVAL = 100;
/** How long to wait for a killed process, in milliseconds; one that waits in the kernel may never end. */
const KILL_LIMIT = 5000;
/** A stop signal repeated within this time is a copy sent by a wrapper such as npm, not a second request. */
const SAME_REQUEST = 500;

type Phase =
  | { readonly name: "idle" | "starting" | "over" }
  /** Without a heartbeat there is no detector. */
  | { readonly name: "running"; readonly detector: HangDetector | undefined }
  /** The program was told to end; `killAt` is when it is or was killed. */
  | { readonly name: "ending"; readonly killAt: number; readonly killed: boolean }
  /** The program has exited; processes that it has started may remain. `killAt` as above. */
  | {
      readonly name: "clearing";
      readonly killAt: number | undefined;
      readonly killed: boolean;
      readonly told: boolean;
      readonly countAt: number;
    }
  | { readonly name: "waiting"; readonly until: number };

/**
 * Decides what to do with a supervised program: each method takes an event and its time, and returns actions. Times are
 * milliseconds of a monotonic clock.
 */
export class SuperviseMachine {
  readonly #settings: SuperviseSettings;
  readonly #commandLine: string;
  readonly #budget: RestartBudget;
  #phase: Phase = { name: "idle" };
  #run = 0;
  #pid = 0;
  #since = 0;
  /** The exit code of the last run. */
  #code = 0;
  /** Whether this run is being ended because it hangs. */
  #hangs = false;
  #stop: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  #actions: SuperviseAction[] = [];

  /** @param commandLine the command as shown in events. */
  constructor(settings: SuperviseSettings, commandLine: string) {
    this.#settings = settings;
    this.#commandLine = commandLine;
    this.#budget = new RestartBudget(settings.backoff);
  }

  /** The number of the run, from 1; the result of an action of another run is out of date. */
  get run(): number {
    return this.#run;
  }

  /** When to call {@link wake}; `undefined` if only an event can change anything. */
  get wakeAt(): number | undefined {
    const phase = this.#phase;
    if (phase.name === "waiting") return phase.until;
    if (phase.name === "clearing") return phase.countAt;
    if (phase.name === "running") return phase.detector?.lookAt;
    if (phase.name !== "ending") return undefined;
    if (!phase.killed) return phase.killAt;
    // A restart must wait until the program has ended; a stop need not.
    return this.#stop === undefined ? undefined : phase.killAt + KILL_LIMIT;
  }

  begin(): readonly SuperviseAction[] {
    if (this.#phase.name === "idle") this.#start();
    return this.#take();
  }

  started(pid: number, now: number): readonly SuperviseAction[] {
    if (this.#phase.name !== "starting") return [];
    this.#pid = pid;
    this.#since = now;
    this.#tell({ event: "started", pid, run: this.#run, command: this.#commandLine });
    const { heartbeat } = this.#settings;
    this.#phase = { name: "running", detector: heartbeat && new HangDetector(heartbeat, pid, now) };
    if (this.#stop !== undefined) this.#end("SIGTERM", "program", now);
    return this.#take();
  }

  /** @param hopeless whether a later attempt would fail as well. */
  startFailed(reason: string, code: number, hopeless: boolean, now: number): readonly SuperviseAction[] {
    if (this.#phase.name !== "starting") return [];
    this.#tell({ event: "start-failed", run: this.#run, command: this.#commandLine, reason });
    this.#since = now;
    this.#code = code;
    if (hopeless && this.#run === 1) this.#finish(code);
    else this.#conclude(now);
    return this.#take();
  }

  /** The result of the action `look`; `interval` is the heartbeat's own, in seconds, if known. */
  looked(sign: BeatSign, now: number, interval?: number): readonly SuperviseAction[] {
    const wrong =
      this.#phase.name === "running" ? this.#phase.detector?.looked(sign, now, interval) : undefined;
    if (wrong !== undefined) {
      this.#tell(wrong);
      // A failure, even if the program then exits with 0.
      this.#hangs = true;
      this.#end("SIGTERM", "program", now);
    }
    return this.#take();
  }

  exited(code: number | null, signal: NodeJS.Signals | null, now: number): readonly SuperviseAction[] {
    const phase = this.#phase;
    if (phase.name !== "running" && phase.name !== "ending") return [];
    this.#code = shellCode(code, signal);
    this.#tell({ event: "exited", pid: this.#pid, code, signal, seconds: inSeconds(now - this.#since) });
    const { killAt, killed } = phase.name === "ending" ? phase : { killAt: undefined, killed: false };
    this.#phase = { name: "clearing", killAt: killed ? now : killAt, killed, told: false, countAt: now };
    this.#actions.push({ do: "count" });
    return this.#take();
  }

  /** The result of the action `count`: how many processes remain after the program has exited. */
  counted(count: number, now: number): readonly SuperviseAction[] {
    const phase = this.#phase;
    if (phase.name !== "clearing") return [];
    if (count === 0) {
      this.#conclude(now);
      return this.#take();
    }
    const { killAt = now + this.#settings.grace, killed, told } = phase;
    if (!told) this.#tell({ event: "leftovers", pid: this.#pid, count });
    if (killed && now >= killAt + KILL_LIMIT) {
      this.#tell({ event: "left-behind", pid: this.#pid, count });
      this.#conclude(now);
      return this.#take();
    }
    this.#phase = { name: "clearing", killAt, killed, told: true, countAt: now + COUNT_INTERVAL };
    if (killed) this.#actions.push({ do: "sweep", signal: "SIGKILL" });
    else if (told && now >= killAt) this.#kill("grace", now);
    else if (!told) this.#actions.push({ do: "sweep", signal: "SIGTERM" });
    return this.#take();
  }

  /** The supervisor itself has received a signal. */
  signalled(signal: NodeJS.Signals, { role, to }: SignalRole, now: number): readonly SuperviseAction[] {
    const phase = this.#phase;
    const isThere = phase.name === "running" || phase.name === "ending";
    if (role === "stop") this.#stopFor(signal, to, now);
    else if (role === "suspend") this.#actions.push({ do: "suspend" });
    else if (isThere) {
      this.#actions.push({ do: "signal", signal, to });
      // A change of the window size is not worth a line.
      if (role === "pass" && to === "program") {
        this.#tell({ event: "forwarded", pid: this.#pid, signal });
      }
      // The program was stopped too, so that time does not count towards its grace period.
      if (role === "continue" && phase.name === "ending" && !phase.killed) {
        this.#phase = { ...phase, killAt: now + this.#settings.grace };
      }
    }
    return this.#take();
  }

  wake(now: number): readonly SuperviseAction[] {
    const phase = this.#phase;
    if (this.wakeAt === undefined || now < this.wakeAt) return [];
    if (phase.name === "waiting") this.#start();
    else if (phase.name === "clearing") this.#actions.push({ do: "count" });
    else if (phase.name === "running") {
      phase.detector?.look();
      this.#actions.push({ do: "look" });
    } else if (phase.name === "ending" && !phase.killed) this.#kill("grace", now);
    else {
      this.#tell({ event: "left-behind", pid: this.#pid, count: 1 });
      this.#finish(shellCode(null, "SIGKILL"));
    }
    return this.#take();
  }

  #start(): void {
    this.#run += 1;
    this.#hangs = false;
    this.#phase = { name: "starting" };
    this.#actions.push({ do: "start" });
  }

  #end(signal: NodeJS.Signals, to: "program" | "group", now: number): void {
    // A stopped process receives no other signal until it is continued.
    this.#actions.push({ do: "signal", signal, to }, { do: "signal", signal: "SIGCONT", to: "group" });
    this.#phase = { name: "ending", killAt: now + this.#settings.grace, killed: false };
  }

  #stopFor(signal: NodeJS.Signals, to: "program" | "group", now: number): void {
    const { name } = this.#phase;
    if (name === "over") return;
    if (this.#stop !== undefined) {
      // Another SIGTERM changes nothing: its sender can use SIGKILL, and so does the end of the grace period.
      if (now - this.#stop.at < SAME_REQUEST || !isTyped(signal)) return;
      if (name === "ending" || name === "clearing") this.#kill("second-signal", now);
      return;
    }
    this.#stop = { signal, at: now };
    const isThere = name === "running" || name === "ending" || name === "clearing";
    this.#tell({ event: "stopping", pid: isThere ? this.#pid : null, signal });
    if (name === "waiting" || name === "idle") this.#finish(this.#code);
    // A program that hangs has already received SIGTERM; a second one could cut its shutdown short.
    else if (name === "running") this.#end(signal, to, now);
  }

  #kill(reason: "grace" | "second-signal", now: number): void {
    const phase = this.#phase;
    if ((phase.name !== "ending" && phase.name !== "clearing") || phase.killed) return;
    this.#tell({ event: "killing", pid: this.#pid, reason });
    this.#actions.push({ do: "sweep", signal: "SIGKILL" });
    this.#phase = { ...phase, killAt: now, killed: true };
  }

  /** The run is over, and no process that it started remains. */
  #conclude(now: number): void {
    const { backoff, restart } = this.#settings;
    const isDone = this.#code === 0 && restart === "on-failure" && !this.#hangs;
    if (this.#stop !== undefined || isDone) {
      this.#finish(this.#code);
      return;
    }
    const delay = this.#budget.next(now, now - this.#since);
    if (delay === undefined) {
      this.#tell({ event: "gave-up", restarts: backoff.maxRestarts, window: inSeconds(backoff.window) });
      this.#finish(EXIT_CRASH_LOOP);
      return;
    }
    this.#tell({ event: "restarting", delay: inSeconds(delay) });
    this.#phase = { name: "waiting", until: now + delay };
  }

  #finish(code: number): void {
    this.#phase = { name: "over" };
    this.#tell({ event: "ended", code });
    this.#actions.push({ do: "finish", code });
  }

  #tell(event: SuperviseEvent): void {
    this.#actions.push({ do: "tell", event });
  }

  #take(): readonly SuperviseAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }
}
