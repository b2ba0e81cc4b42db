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

/** The listeners of one event of one component. */
export class Audience<Payload> {
  listeners: readonly Entry<Payload>[] = [];
  /** Receives the event from every component of the kind. */
  readonly channel: Channel;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  /** Whether the event has listeners: lets a hot path skip creating the payload. */
  get isThere(): boolean {
    return this.listeners.length > 0 || this.channel.hasSubscribers;
  }
}

type Audiences<Map extends object> = { readonly [Name in keyof Map]: Audience<Map[Name]> };

/** The component that events come from. */
export type Source = Pick<Snapshot, "kind" | "name">;

/**
 * The events of one component, delivered to its listeners and published on a process-wide channel of its kind. State
 * is committed before `emit`, so a listener may call back into the component; what that emits is delivered after the
 * current event has reached all listeners.
 */
export class Events<Map extends object> {
  readonly #owner: string;
  readonly #name: string;
  readonly #audiences: Audiences<Map>;
  readonly #pending: (() => void)[] = [];

  /** @param owner the component's name in messages. */
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

  /** The listeners of an event. */
  of<Name extends keyof Map & string>(name: Name): Audience<Map[Name]> {
    return this.#audiences[name];
  }

  /** Delivers to the current listeners in the order they were added, then to the channel. */
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
    // A call further up the stack is delivering the pending events; this one follows them.
    if (pending.push(deliver) > 1) return;
    try {
      for (; pending[0] !== undefined; pending.shift()) pending[0]();
    } finally {
      // A stack overflow got here; an event left pending would block all later ones.
      pending.length = 0;
    }
  }
}
