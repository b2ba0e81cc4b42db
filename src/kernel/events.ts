import { disposable } from "./disposable.js";
import { checkName } from "./nearest.js";
import { unlike } from "./show.js";
import { runContained } from "./warning.js";

/** A listener of an event; what it returns is ignored, what it throws or rejects with becomes a warning. */
export type Listener<Payload> = (payload: Payload) => unknown;

interface Entry<Payload> {
  readonly listener: Listener<Payload>;
}

/**
 * The listeners of one component. State is committed before `emit`, so a listener may call back into the
 * component; what that emits is delivered after the current event has reached every listener.
 */
export class Events<Map extends object> {
  readonly #owner: string;
  readonly #listeners: { [Name in keyof Map]?: readonly Entry<Map[Name]>[] } = {};
  readonly #pending: (() => void)[] = [];

  constructor(owner: string, names: readonly (keyof Map & string)[]) {
    this.#owner = owner;
    for (const name of names) this.#listeners[name] = [];
  }

  /** Adds a listener; disposing of the result removes it. */
  on<Name extends keyof Map & string>(name: Name, listener: Listener<Map[Name]>): Disposable {
    checkName(name, this.#listeners, `an event of ${this.#owner}`);
    if (typeof listener !== "function") {
      throw new TypeError(unlike(`the listener of ${name}`, "a function", listener));
    }
    // Each subscription is its own entry, so that one function added twice is removed one at a time.
    const entry = { listener };
    this.#listeners[name] = [...this.#of(name), entry];
    return disposable(() => {
      this.#listeners[name] = this.#of(name).filter((other) => other !== entry);
    });
  }

  /** Whether anybody listens: lets a hot path skip making the payload. */
  has(name: keyof Map & string): boolean {
    return this.#of(name).length > 0;
  }

  /** Delivers to the listeners of this moment, in the order they were added. */
  emit<Name extends keyof Map & string>(name: Name, payload: Map[Name]): void {
    const entries = this.#of(name);
    if (entries.length === 0) return;
    const pending = this.#pending;
    const deliver = (): void => {
      for (const { listener } of entries) {
        runContained(`a listener of ${this.#owner}'s ${name}`, listener, payload);
      }
    };
    // What is pending already is being delivered further up the stack, and this after it.
    if (pending.push(deliver) > 1) return;
    try {
      for (; pending[0] !== undefined; pending.shift()) pending[0]();
    } finally {
      // Left by an exception, when the stack is used up: what is not delivered now would block all that follows.
      pending.length = 0;
    }
  }

  #of<Name extends keyof Map & string>(name: Name): readonly Entry<Map[Name]>[] {
    return this.#listeners[name] ?? [];
  }
}
