import { type Channel, openChannel } from "./channel.js";
import type { Snapshot } from "./component.js";
import { disposable } from "./disposable.js";
import { isError } from "./is-error.js";
import { checkName } from "./nearest.js";
import { unlike } from "./show.js";
import { runContained } from "./warning.js";

/** A listener of an event; what it returns is ignored, what it throws or rejects with becomes a warning. */
export type Listener<Payload> = (payload: Payload) => unknown;

interface Entry<Payload> {
  readonly listener: Listener<Payload>;
}

/** Who hears one event of one component. */
export class Audience<Payload> {
  listeners: readonly Entry<Payload>[] = [];
  /** Hears the event of every component of the kind. */
  readonly channel: Channel;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  /** Whether anybody hears the event: lets a hot path skip making the payload. */
  get isThere(): boolean {
    return this.listeners.length > 0 || this.channel.hasSubscribers;
  }
}

type Audiences<Map extends object> = { readonly [Name in keyof Map]: Audience<Map[Name]> };

/** The component that events come from. */
export type Source = Pick<Snapshot, "kind" | "name">;

/**
 * The events of one component: told to its listeners, and to the process on a channel of the kind of component. State
 * is committed before `emit`, so a listener may call back into the component; what that emits is delivered after the
 * current event has reached everybody.
 */
export class Events<Map extends object> {
  readonly #owner: string;
  readonly #name: string;
  readonly #audiences: Audiences<Map>;
  readonly #pending: (() => void)[] = [];

  /** @param owner what messages call the component. */
  constructor(owner: string, names: readonly (keyof Map & string)[], { kind, name }: Source) {
    this.#owner = owner;
    this.#name = name;
    const audiences: Record<string, Audience<unknown>> = {};
    for (const event of names) audiences[event] = new Audience(openChannel(kind, event));
    this.#audiences = audiences as Audiences<Map>;
  }

  /** Adds a listener; disposing of the result removes it. */
  on<Name extends keyof Map & string>(name: Name, listener: Listener<Map[Name]>): Disposable {
    checkName(name, this.#audiences, `an event of ${this.#owner}`);
    if (typeof listener !== "function") {
      throw new TypeError(unlike(`the listener of ${name}`, "a function", listener));
    }
    const audience = this.of(name);
    // Each subscription is its own entry, so that one function added twice is removed one at a time.
    const entry = { listener };
    audience.listeners = [...audience.listeners, entry];
    return disposable(() => {
      audience.listeners = audience.listeners.filter((other) => other !== entry);
    });
  }

  /** Whether a listener was added to this component. */
  has(name: keyof Map & string): boolean {
    return this.of(name).listeners.length > 0;
  }

  /** Who hears an event. */
  of<Name extends keyof Map & string>(name: Name): Audience<Map[Name]> {
    return this.#audiences[name];
  }

  /** Delivers to those who hear it at this moment: listeners in the order they were added, then the channel. */
  emit<Name extends keyof Map & string>(name: Name, payload: Map[Name]): void {
    const { listeners, channel } = this.of(name);
    const isPublic = channel.hasSubscribers;
    if (listeners.length === 0 && !isPublic) return;
    const pending = this.#pending;
    const deliver = (): void => {
      for (const { listener } of listeners) {
        runContained(`a listener of ${this.#owner}'s ${name}`, listener, payload);
      }
      if (isPublic) {
        const details = isError(payload) ? { error: payload } : (payload as object);
        channel.publish({ name: this.#name, ...details });
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
}
