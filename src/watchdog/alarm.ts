import type { Clock } from "../kernel/clock.js";
import { Events } from "../kernel/events.js";
import { warn } from "../kernel/warning.js";
import type { NotCountedInfo } from "./timeout-info.js";

/** The callbacks of an {@link Alarm}, and its clock. */
export interface AlarmSettings<Timeout, Recover> {
  readonly onTimeout: ((info: Timeout) => unknown) | undefined;
  readonly onRecover: ((info: Recover) => unknown) | undefined;
  readonly onAlert: ((channel: string, message: string, context: Timeout) => unknown) | undefined;
  readonly clock: Clock;
}

interface Named {
  readonly name: string;
}

type Recovery<Who extends Named> = Who & { readonly secondsTriggered: number };

/** Reports each timeout of one watchdog, and its end, to the callbacks and the listeners. */
export class Alarm<Who extends Named, Timeout extends Who> extends Events<{
  timeout: Timeout;
  recover: Recovery<Who>;
  notCounted: NotCountedInfo;
}> {
  timeouts = 0;
  /**
   * When the timeout was found that was reported and has not ended. A timeout that was never reported has no recovery.
   */
  since: number | undefined;
  readonly #who: Who;
  readonly #clock: Clock;
  readonly #sentence: (info: Timeout) => string;

  constructor(
    who: Who,
    { onTimeout, onRecover, onAlert, clock }: AlarmSettings<Timeout, Recovery<Who>>,
    sentence: (info: Timeout) => string,
    others: readonly "notCounted"[] = [],
  ) {
    super(`watchdog ${who.name}`, ["timeout", "recover", ...others], { kind: "watchdog", name: who.name });
    this.#who = who;
    this.#clock = clock;
    this.#sentence = sentence;
    if (onTimeout !== undefined) this.on("timeout", onTimeout);
    if (onAlert !== undefined) this.on("timeout", (info) => onAlert("watchdog", sentence(info), info));
    if (onRecover !== undefined) this.on("recover", onRecover);
  }

  /**
   * Reports a timeout; as a warning where there is no listener and nothing else has reported it.
   *
   * @param at when it was found.
   */
  raise(info: Timeout, reported: boolean, at: number): void {
    this.timeouts++;
    this.since ??= at;
    if (!reported && !this.has("timeout")) warn("KSTLIB_WATCHDOG_TIMEOUT", this.#sentence(info));
    this.emit("timeout", Object.freeze(info));
  }

  /** Reports the end of the timeout, if one was reported. */
  end(): void {
    if (this.since === undefined) return;
    const secondsTriggered = Math.max(0, this.#clock.now() - this.since) / 1000;
    this.since = undefined;
    this.emit("recover", Object.freeze({ ...this.#who, secondsTriggered }));
  }
}
