import { disposable } from "./disposable.js";
import { nearest } from "./nearest.js";
import { show } from "./show.js";
import { runContained } from "./warning.js";

/** A listener of an event; what it returns is ignored, what it throws or rejects with becomes a warning. */
export type Listener<Payload> = (payload: Payload) => unknown;

/**
 * The listeners of one component. State is committed before `emit`, so a listener may call back into the
 * component; what that emits is delivered after the current event has reached every listener.
 */
export class Events<Map extends object> {
  readonly #owner: string;
  readonly #listeners: Record<string, Listener<never>[]> = {};
  readonly #pending: (() => void)[] = [];
  #delivering = false;

  constructor(owner: string, names: readonly (keyof Map & string)[]) {
    this.#owner = owner;
    for (const name of names) this.#listeners[name] = [];
  }

  /** Adds a listener; disposing of the result removes it. */
  on<Name extends keyof Map & string>(name: Name, listener: Listener<Map[Name]>): Disposable {
    if (!Object.hasOwn(this.#listeners, name)) {
      const known = Object.keys(this.#listeners);
      const meant = typeof name === "string" ? nearest(name, known) : undefined;
      throw new TypeError(
        `${this.#owner} has no event ${show(name)}; it has ${known.join(", ")}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
      );
    }
    if (typeof listener !== "function") {
      throw new TypeError(`the listener of ${name} must be a function; got ${show(listener)}.`);
    }
    // Each subscription is its own entry, so that one function added twice is removed one at a time.
    const entry: Listener<Map[Name]> = (payload) => listener(payload);
    const change = (next: (entries: Listener<never>[]) => Listener<never>[]): void => {
      this.#listeners[name] = next(this.#listeners[name] ?? []);
    };
    change((entries) => [...entries, entry]);
    return disposable(() => change((entries) => entries.filter((other) => other !== entry)));
  }

  /** Whether anybody listens: lets a hot path skip making the payload. */
  has(name: keyof Map & string): boolean {
    const entries = this.#listeners[name];
    return entries !== undefined && entries.length > 0;
  }

  /** Delivers to the listeners of this moment, in the order they were added. */
  emit<Name extends keyof Map & string>(name: Name, payload: Map[Name]): void {
    const entries = this.#listeners[name] as readonly Listener<Map[Name]>[] | undefined;
    if (entries === undefined || entries.length === 0) return;
    this.#pending.push(() => {
      for (const entry of entries) runContained(`a listener of ${this.#owner}'s ${name}`, entry, payload);
    });
    if (this.#delivering) return;
    this.#delivering = true;
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) next();
    this.#delivering = false;
  }
}
