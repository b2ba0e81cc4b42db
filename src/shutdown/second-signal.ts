import { realClock, type Timer } from "../kernel/clock.js";
import { runContained } from "../kernel/warning.js";
import type { GracefulShutdownSettings, SecondSignalAnswer, ShutdownSignal } from "./options.js";

/** Whether a key combination sends the signal. Other signals come from programs, which can send SIGKILL later. */
export function isTyped(signal: string): boolean {
  return ["SIGINT", "SIGQUIT", "SIGBREAK"].includes(signal);
}

/** The default rule. When the shutdown is complete, an exit interrupts nothing. */
function byDefault(signal: ShutdownSignal, isComplete: boolean): SecondSignalAnswer {
  return isComplete || isTyped(signal) ? "exit" : "ignore";
}

type HistorySettings = Pick<GracefulShutdownSettings, "clock" | "signals" | "repeatGrace" | "onSecondSignal">;

/**
 * The signals that one shutdown has received. A terminal signals the whole process group, and a runner (`npm`,
 * `node --watch`, nodemon) forwards what it received, sometimes as another signal: all signals within the grace are one
 * request. A signal is also a copy if one of its listeners has just been removed: when its hooks are done, NestJS
 * removes its listener and sends the signal to its own process again.
 */
export class SignalHistory {
  readonly #settings: HistorySettings;
  #first: { readonly signal: ShutdownSignal; readonly at: number } | undefined;
  #grace: Timer | undefined;

  /** How many listeners each signal had at the end of the grace, without `once` listeners that had run. */
  readonly #listeners = new Map<ShutdownSignal, number>();

  constructor(settings: HistorySettings) {
    this.#settings = settings;
  }

  /** Records a signal and returns what it means. */
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

  /** Ends the grace of the last signal. */
  stop(): void {
    if (this.#first !== undefined) this.#endGrace();
  }

  #endGrace(): void {
    this.#grace?.cancel();
    this.#grace = undefined;
    for (const signal of this.#settings.signals) this.#listeners.set(signal, process.listenerCount(signal));
  }

  #wait(): void {
    const { clock, repeatGrace } = this.#settings;
    const stop = (): void => this.#endGrace();
    // After all listeners of this signal, some of which are removed by it.
    if (repeatGrace === 0) return process.nextTick(stop);
    // While the thread is blocked signals are queued; the loop delivers them after its timers and before setImmediate,
    // which keeps the loop running for that.
    const end = clock === realClock ? (): void => void setImmediate(stop) : stop;
    this.#grace = clock.setTimer(end, repeatGrace, { ref: false });
  }
}
