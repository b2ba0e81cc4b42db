import { realClock, type Timer } from "../kernel/clock.js";
import { runContained } from "../kernel/warning.js";
import type { GracefulShutdownSettings, SecondSignalAnswer, ShutdownSignal } from "./options.js";

/** Whether people type it. All others are sent by programs, which have SIGKILL for when they are out of patience. */
export function isTyped(signal: string): boolean {
  return ["SIGINT", "SIGQUIT", "SIGBREAK"].includes(signal);
}

/** The rule that is not told otherwise; a shutdown that is complete has nothing to lose by the end. */
function byDefault(signal: ShutdownSignal, isComplete: boolean): SecondSignalAnswer {
  return isComplete || isTyped(signal) ? "exit" : "ignore";
}

type HistorySettings = Pick<GracefulShutdownSettings, "clock" | "signals" | "repeatGrace" | "onSecondSignal">;

/**
 * The signals that one shutdown has got. A terminal signals the whole process group, and what runs the program
 * (`npm`, `node --watch`, nodemon) passes on what it got itself, some by another name: all that comes within the
 * grace is one request. So is what somebody sends to this very process who listened, and listens no more: that is
 * how a framework such as NestJS, when its own part is done, leaves the rest to the default of the signal.
 */
export class SignalHistory {
  readonly #settings: HistorySettings;
  #first: { readonly signal: ShutdownSignal; readonly at: number } | undefined;
  #grace: Timer | undefined;

  /** How many listened to each signal when the grace was over, and those were gone that listen once. */
  readonly #listeners = new Map<ShutdownSignal, number>();

  constructor(settings: HistorySettings) {
    this.#settings = settings;
  }

  /** Takes note of a signal, and says what it is. */
  hear(signal: ShutdownSignal, isComplete: boolean): "first" | "copy" | SecondSignalAnswer {
    const { clock, onSecondSignal } = this.#settings;
    if (this.#grace !== undefined) return "copy";
    const isRaisedAgain = process.listenerCount(signal) < (this.#listeners.get(signal) ?? 0);
    this.#wait();
    if (isRaisedAgain) return "copy";
    if (this.#first === undefined) {
      this.#first = { signal, at: clock.now() };
      return "first";
    }
    if (onSecondSignal === "exit" || onSecondSignal === "ignore") return onSecondSignal;
    let answer = byDefault(signal, isComplete);
    if (onSecondSignal !== "default") {
      const { signal: first, at } = this.#first;
      const second = Object.freeze({ signal, first, seconds: (clock.now() - at) / 1000 });
      runContained("onSecondSignal", () => {
        const given = onSecondSignal(second);
        if (given === "exit" || given === "ignore") answer = given;
      });
    }
    return answer;
  }

  /** Ends the grace. */
  stop(): void {
    this.#grace?.cancel();
    this.#grace = undefined;
    for (const signal of this.#settings.signals) this.#listeners.set(signal, process.listenerCount(signal));
  }

  #wait(): void {
    const { clock, repeatGrace } = this.#settings;
    if (repeatGrace === 0) return this.stop();
    const stop = (): void => this.stop();
    // Signals wait while the thread is blocked. The loop comes to them after its timers and before this, for which it
    // must turn: without a reference a quiet one would wait for what comes next, and take that for a copy.
    const end = clock === realClock ? (): void => void setImmediate(stop) : stop;
    this.#grace = clock.setTimer(end, repeatGrace, { ref: false });
  }
}
