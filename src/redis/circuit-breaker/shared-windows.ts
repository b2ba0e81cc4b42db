import type { Counter, Rule } from "../../circuit-breaker/trip-rule.js";
import type { Timer } from "../../kernel/clock.js";
import { Script } from "../store/script.js";
import type { Store } from "../store/store.js";
import { callsLua } from "./calls-lua.js";
import { microseconds } from "./circuit-store.js";
import type { SharedSettings } from "./options.js";
import { SharedWindow } from "./shared-window.js";

const CALLS = new Script(callsLua);

interface Surroundings {
  readonly settings: SharedSettings;
  readonly instance: string;
  readonly store: Store;
  /** The circuit's own time in milliseconds. */
  readonly now: () => number;
  /** The era of the shared circuit. */
  readonly era: () => number;
  readonly keyOf: () => string;
  /** The rule is met by the calls of all instances. */
  readonly isMet: (bad: number) => void;
  /** The store does not answer. */
  readonly failed: () => void;
}

/**
 * The windows of a trip rule, over the calls of all instances. While something fails, each instance pushes what it has
 * counted, every hundredth of the window, and judges by its own rule what the store then tells of all.
 */
export class SharedWindows {
  /** The rule of the circuit: the given one, over these windows. */
  readonly rule: Rule;
  readonly #around: Surroundings;
  #windows: SharedWindow[] = [];
  #counter: Counter | undefined;
  #timer: Timer | undefined;
  #isPushing = false;
  /** Others may not yet have pushed what they had when calls began to fail: it cannot be judged. */
  #isTooEarly = false;
  /** The time until which calls count as failing; 0: they do not. */
  #failingUntil = 0;

  constructor(rule: Rule, around: Surroundings) {
    this.#around = around;
    this.rule = {
      isBad: (failed, took) => rule.isBad(failed, took),
      newCounter: () => {
        const windows: SharedWindow[] = [];
        this.sleep();
        this.#windows = windows;
        return (this.#counter = rule.newCounter(({ duration = 0 }) => {
          const window = new SharedWindow(duration);
          windows.push(window);
          return window;
        }));
      },
    };
  }

  /** A call was counted: one that failed must be told, if nothing did before. */
  counted(): void {
    if (this.#failingUntil === 0 && this.#windows.some(({ hasUnsentBad }) => hasUnsentBad)) this.wake();
  }

  /** Pushes what is there, and goes on while something fails. */
  wake(): void {
    if (!this.#isPushing) void this.#push();
  }

  /** Does nothing until it is woken; the windows are those of this instance. */
  sleep(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#failingUntil = 0;
    for (const window of this.#windows) window.tell(undefined);
  }

  close(): void {
    this.sleep();
    this.#windows = [];
  }

  async #push(): Promise<void> {
    const windows = this.#windows;
    const { store, keyOf, now, failed } = this.#around;
    if (windows.length === 0) return;
    const key = keyOf();
    const signature = windows.map(({ width, buckets }) => `${width}x${buckets}`).join("-");
    const keys = [key, `${key}:calls:${signature}`];
    this.#isPushing = true;
    const reply = await store.run(CALLS, keys, this.#args(windows)).catch(() => undefined);
    this.#isPushing = false;
    // Otherwise the circuit has changed meanwhile.
    if (windows === this.#windows) {
      if (reply === undefined) {
        failed();
        return;
      }
      this.#told(reply, now());
    }
    // What failed meanwhile, though nothing did before.
    this.counted();
  }

  #args(windows: readonly SharedWindow[]): readonly (string | number)[] {
    const { settings, instance, era } = this.#around;
    const now = this.#around.now();
    const sizes = windows.flatMap(({ width, buckets }) => [microseconds(width), buckets]);
    const pushed = windows.flatMap((window, index) =>
      window.take(now).flatMap(({ at, total, bad }) => {
        // Its middle, or half of what has passed of the current one.
        const age = (now - Math.min(now, (at + 1) * window.width) + (now - at * window.width)) / 2;
        return [index + 1, Math.round(age * 1000), total, bad];
      }),
    );
    return [
      era(),
      instance,
      settings.quorum,
      microseconds(this.#period),
      windows.length,
      ...sizes,
      ...pushed,
    ];
  }

  /** Milliseconds between two pushes. */
  get #period(): number {
    return Math.min(...this.#windows.map(({ width }) => width));
  }

  #told(reply: unknown, now: number): void {
    const numbers = Array.isArray(reply) ? reply.map(Number) : [];
    const [failing = 0, isRipe = 0, instances = 0, ...sums] = numbers;
    if (!(failing > 0)) {
      this.sleep();
      return;
    }
    this.#failingUntil = now + failing / 1000;
    this.#windows.forEach((window, index) => {
      window.tell({ total: sums[2 * index] || 0, bad: sums[2 * index + 1] || 0 });
    });
    const counter = this.#counter;
    this.#isTooEarly = isRipe !== 1;
    if (!this.#isTooEarly && instances >= this.#around.settings.quorum && counter?.isMet === true) {
      this.#around.isMet(counter.bad);
    }
    this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    const { settings, now } = this.#around;
    this.#timer = settings.clock.setTimer(
      () => {
        const mustAsk = this.#isTooEarly || now() >= this.#failingUntil;
        if (mustAsk || this.#windows.some(({ hasUnsent }) => hasUnsent)) this.wake();
        else this.#arm();
      },
      this.#period,
      { ref: false },
    );
  }
}
