import { check } from "../heartbeat-file/readers.js";
import { defaultMaxAge, type HeartbeatCheck } from "../heartbeat-file/verdict.js";
import type { Timer } from "../kernel/clock.js";
import type { Component, Snapshot } from "../kernel/component.js";
import type { Listener } from "../kernel/events.js";
import { Printed } from "../kernel/printed.js";
import { resolveOptions } from "../kernel/options.js";
import { warn } from "../kernel/warning.js";
import { Alarm } from "./alarm.js";
import { ExcusedTime } from "./excused-time.js";
import {
  type StateFileOptions,
  type StateFileRecoverInfo,
  stateFileRules,
  type StateFileSettings,
  type StateFileTimeoutInfo,
} from "./state-file-options.js";
import { watchedFile, watchedFileLayers } from "./watched-file.js";

/** The events of a {@link StateFileWatchdog}. */
export interface StateFileWatchdogEvents {
  readonly timeout: StateFileTimeoutInfo;
  readonly recover: StateFileRecoverInfo;
}

/** The state of a {@link StateFileWatchdog}. */
export interface StateFileWatchdogSnapshot extends Snapshot {
  readonly kind: "watchdog";
  readonly file: string;
  readonly isRunning: boolean;
  readonly isTriggered: boolean;
  /** What the last look found; `null` before the first. */
  readonly status: string | null;
  readonly timeoutsTriggered: number;
}

/** The result while the file cannot be read or reading it hangs. */
const UNKNOWN: HeartbeatCheck = { status: "unknown", age: null, state: null };

/** How long a file may be missing if there is no `maxAge`, in milliseconds. */
const MISSING = 30_000;

/**
 * Watches another process through its heartbeat file. Fires once when the file becomes stale or shows that the process
 * is dead or stopped, and again only after it has been alive in between. A file that is missing or unreadable counts
 * only after `maxAge` (30 s by default), so that the watcher may start first. Time during which the watcher itself stood
 * still (stopped, a paused container, a machine asleep) does not count, because the watched process may have stood still
 * as well; a timeout is then reported at most one `maxAge` late.
 *
 * Made by `Watchdog.fromStateFile`. Its timer does not keep the process alive unless `keepAlive` is given.
 *
 * @throws TypeError or RangeError for an option that is not right; the message names it.
 * @example
 * ```ts
 * import { Watchdog } from "@kstlib/resilience";
 *
 * using watcher = Watchdog.fromStateFile("bot.heartbeat", { maxAge: "1m" });
 * watcher.on("timeout", ({ kind }) => console.error(`the bot is ${kind}`));
 * watcher.start();
 * console.assert(watcher.isRunning);
 * ```
 */
export class StateFileWatchdog extends Printed implements Component, Disposable {
  readonly name: string;
  readonly file: string;
  readonly #settings: StateFileSettings;
  readonly #alarm: Alarm<{ readonly name: string; readonly file: string }, StateFileTimeoutInfo>;
  /** Each start has its own, so that the result of a look from before `stop()` is dropped. */
  #run: { looking: boolean } | undefined;
  #timer: Timer | undefined;
  #status: string | null = null;
  #wellAt = 0;
  #excused: ExcusedTime;

  constructor(path: string | URL | undefined, options?: StateFileOptions) {
    super();
    const file = watchedFile(path, options);
    this.#settings = resolveOptions<StateFileSettings>(
      "Watchdog.fromStateFile",
      stateFileRules,
      options,
      watchedFileLayers(options),
    );
    const { name = file } = this.#settings;
    this.file = file;
    this.name = name;
    this.#excused = new ExcusedTime(this.#settings.clock);
    this.#alarm = new Alarm({ name, file }, this.#settings, sentence);
  }

  /** Whether the file is watched. */
  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  /** Whether the process was found unhealthy and has not been found alive since. */
  get isTriggered(): boolean {
    return this.#alarm.since !== undefined;
  }

  /** How old the last beat may be, in seconds; `undefined` if that depends on the interval in the file. */
  get maxAge(): number | undefined {
    const { maxAge } = this.#settings;
    return maxAge && maxAge / 1000;
  }

  /** How often the file is looked at, in seconds. */
  get checkInterval(): number {
    return this.#settings.checkInterval / 1000;
  }

  /** Begins to watch: looks at once and then every `checkInterval`. Does nothing while it watches already. */
  start(): void {
    if (this.isRunning) return;
    this.#run = { looking: false };
    const { clock } = this.#settings;
    this.#wellAt = clock.now();
    this.#excused = new ExcusedTime(clock);
    this.#alarm.since = undefined;
    this.#beat(this.#run, this.#wellAt);
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
    return this.#alarm.on(name, listener);
  }

  snapshot(): StateFileWatchdogSnapshot {
    return Object.freeze({
      kind: "watchdog",
      name: this.name,
      file: this.file,
      isRunning: this.isRunning,
      isTriggered: this.isTriggered,
      status: this.#status,
      timeoutsTriggered: this.#alarm.timeouts,
    });
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #beat(run: { looking: boolean }, due: number): void {
    const { clock, checkInterval, keepAlive } = this.#settings;
    // Counted from the last due time, not from the end of a look, so that the interval is kept.
    const now = clock.now();
    const next = due + checkInterval * (1 + Math.floor((now - due) / checkInterval));
    this.#timer = clock.setTimer(() => this.#beat(run, next), next - now, { ref: keepAlive });
    // A look that takes longer than the interval is not repeated: nothing is known until it ends.
    if (run.looking) {
      this.#judge(UNKNOWN);
      return;
    }
    run.looking = true;
    const looking = this.#look(run);
    clock.track?.(looking);
  }

  async #look(run: { looking: boolean }): Promise<void> {
    const { clock, maxAge } = this.#settings;
    let found = UNKNOWN;
    try {
      found = await check(this.file, { maxAge: maxAge && `${maxAge}ms`, clock });
    } catch (error) {
      // Deno without --allow-sys does not tell the host name.
      warn("KSTLIB_STATE_FILE_CHECK", `the check of ${this.file} failed`, error);
    }
    run.looking = false;
    if (this.#run === run) this.#judge(found);
  }

  #judge({ status, age, state }: HeartbeatCheck): void {
    const { clock, checkInterval, maxAge } = this.#settings;
    const now = clock.now();
    this.#wellAt += this.#excused.pass(checkInterval);
    const unwell = now - this.#wellAt;
    this.#status = status;
    if (status === "alive") {
      this.#wellAt = now;
      this.#excused.of((age ?? 0) * 1000);
      this.#alarm.end();
      return;
    }
    const isBorne = status === "unknown" && unwell < (maxAge ?? MISSING);
    const isExcused =
      status === "stale" && this.#excused.excuses(age && age * 1000, unwell, maxAge ?? defaultMaxAge(state));
    if (this.isTriggered || isExcused || isBorne) return;
    const { name, file } = this;
    this.#alarm.raise({ name, file, kind: status, secondsInactive: age ?? unwell / 1000 }, false, now);
  }
}

function sentence({ name, secondsInactive, kind }: StateFileTimeoutInfo): string {
  return `${name}: no heartbeat for ${secondsInactive.toFixed(1)} s (${kind})`;
}
