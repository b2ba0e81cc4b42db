import type { Clock, Timer } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import type { Component, Snapshot } from "../kernel/component.js";
import { Events, type Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { show } from "../kernel/show.js";
import { runContained, warn } from "../kernel/warning.js";
import { check } from "../heartbeat-file/readers.js";
import {
  type StateFileCheck,
  type StateFileOptions,
  type StateFileRecoverInfo,
  stateFileRules,
  type StateFileSettings,
  type StateFileTimeoutInfo,
  type StateFileVerdict,
} from "./state-file-options.js";

/** The events of a {@link StateFileWatchdog}. */
export interface StateFileWatchdogEvents {
  readonly timeout: StateFileTimeoutInfo;
  readonly recover: StateFileRecoverInfo;
}

/** What a {@link StateFileWatchdog} says of itself. */
export interface StateFileWatchdogSnapshot extends Snapshot {
  readonly kind: "watchdog";
  readonly file: string;
  readonly running: boolean;
  readonly triggered: boolean;
  /** What the last look found; `null` before the first. */
  readonly status: string | null;
  readonly checksTotal: number;
  readonly timeoutsTriggered: number;
}

/**
 * Watches another process through the heartbeat file that it writes. Fires once when the file turns stale or
 * says that the process is dead or stopped, and again only after it has been alive in between. A file that is
 * missing or cannot be read counts only when that lasts for `maxAge`, so that a watcher may start first.
 *
 * Made by `Watchdog.fromStateFile`. Its timer does not keep the process alive unless `keepAlive` is given.
 */
export class StateFileWatchdog implements Component, Disposable {
  readonly name: string;
  readonly file: string;
  readonly #settings: StateFileSettings;
  readonly #check: StateFileCheck;
  readonly #events: Events<StateFileWatchdogEvents>;
  /** Each start has its own: a look that was under way at `stop()` says nothing any more. */
  #run: object | undefined;
  #looking: object | undefined;
  #timer: Timer | undefined;
  #status: string | null = null;
  #checks = 0;
  #timeouts = 0;
  #wellAt = 0;
  #triggeredAt: number | undefined;

  /** @throws TypeError or RangeError for an option that is not right; the message names it. */
  constructor(file: string, options?: StateFileOptions) {
    if (typeof file !== "string" || file === "") {
      throw new TypeError(`file must be the path of a heartbeat file; got ${show(file)}.`);
    }
    this.#settings = resolveOptions<StateFileSettings>("Watchdog.fromStateFile", stateFileRules, options);
    this.file = file;
    this.name = this.#settings.name ?? file;
    this.#check = this.#settings.check ?? check;
    this.#events = new Events<StateFileWatchdogEvents>(`watchdog ${this.name}`, ["timeout", "recover"]);
  }

  /** Whether the file is watched. */
  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  /** Whether the process was found not to be well, and not well since. */
  get isTriggered(): boolean {
    return this.#triggeredAt !== undefined;
  }

  /** Begins to watch: looks at once and then every `checkInterval`. Does nothing while it watches already. */
  start(): void {
    if (this.isRunning) return;
    const run = {};
    this.#run = run;
    this.#wellAt = this.#settings.clock.now();
    this.#triggeredAt = undefined;
    this.#look(run);
    this.#arm(run, this.#wellAt + this.#settings.checkInterval);
  }

  /** Ends watching; does nothing when it is not watching. */
  stop(): void {
    this.#run = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Adds a listener of `timeout` or `recover`; disposing of the result removes it. */
  on<Name extends keyof StateFileWatchdogEvents>(
    name: Name,
    listener: Listener<StateFileWatchdogEvents[Name]>,
  ): Disposable {
    return this.#events.on(name, listener);
  }

  snapshot(): StateFileWatchdogSnapshot {
    return Object.freeze({
      kind: "watchdog",
      name: this.name,
      file: this.file,
      running: this.isRunning,
      triggered: this.isTriggered,
      status: this.#status,
      checksTotal: this.#checks,
      timeoutsTriggered: this.#timeouts,
    });
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #arm(run: object, due: number): void {
    const { clock, checkInterval, keepAlive } = this.#settings;
    this.#timer = clock.setTimer(
      () => {
        if (this.#run !== run) return;
        // Counted from the last due time, not from when a look was over: the interval is the real cadence.
        const behind = Math.max(0, clock.now() - due);
        const next = due + checkInterval * (1 + Math.floor(behind / checkInterval));
        this.#arm(run, next);
        this.#look(run);
      },
      due - clock.now(),
      { ref: keepAlive },
    );
  }

  #look(run: object): void {
    // A look that takes longer than the interval is not overtaken by the next.
    if (this.#looking === run) return;
    this.#looking = run;
    const { clock, maxAge } = this.#settings;
    const looking = this.#lookNow(run, `${maxAge}ms`, clock);
    clock.track?.(looking);
  }

  async #lookNow(run: object, maxAge: Duration, clock: Clock): Promise<void> {
    const verdict = await this.#verdict(maxAge, clock);
    if (this.#looking === run) this.#looking = undefined;
    if (this.#run === run) this.#judge(verdict);
  }

  async #verdict(maxAge: Duration, clock: Clock): Promise<StateFileVerdict> {
    try {
      return await this.#check(this.file, { maxAge, clock });
    } catch (error) {
      warn("KSTLIB_STATE_FILE_CHECK", `the check of ${this.file} failed`, error);
      return { status: "unknown" };
    }
  }

  #judge({ status, age }: StateFileVerdict): void {
    const now = this.#settings.clock.now();
    this.#status = status;
    this.#checks++;
    if (status === "alive") {
      this.#wellAt = now;
      this.#recover(now);
      return;
    }
    if (this.#triggeredAt !== undefined) return;
    if (status === "unknown" && now - this.#wellAt < this.#settings.maxAge) return;
    this.#triggeredAt = now;
    this.#timeouts++;
    const secondsInactive = age ?? (now - this.#wellAt) / 1000;
    this.#tell(Object.freeze({ name: this.name, file: this.file, kind: status, secondsInactive }));
  }

  #tell(info: StateFileTimeoutInfo): void {
    const { onTimeout, onAlert } = this.#settings;
    const who = `watchdog ${this.name}`;
    const sentence = `${info.name}: no heartbeat for ${info.secondsInactive.toFixed(1)} s (${info.kind})`;
    const heard = onTimeout !== undefined || onAlert !== undefined || this.#events.has("timeout");
    if (!heard) warn("KSTLIB_WATCHDOG_TIMEOUT", sentence);
    if (onTimeout !== undefined) runContained(`onTimeout of ${who}`, onTimeout, info);
    if (onAlert !== undefined) runContained(`onAlert of ${who}`, onAlert, "watchdog", sentence, info);
    this.#events.emit("timeout", info);
  }

  #recover(now: number): void {
    if (this.#triggeredAt === undefined) return;
    const secondsTriggered = (now - this.#triggeredAt) / 1000;
    this.#triggeredAt = undefined;
    const info = Object.freeze({ name: this.name, file: this.file, secondsTriggered });
    const { onRecover } = this.#settings;
    if (onRecover !== undefined) runContained(`onRecover of watchdog ${this.name}`, onRecover, info);
    this.#events.emit("recover", info);
  }
}
