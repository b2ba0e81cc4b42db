import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { disposable } from "../kernel/disposable.js";
import { warn } from "../kernel/warning.js";
import { PREFIX } from "./metrics/definition.js";

/** What components publish: their name, and what the event says. */
export interface Message {
  readonly name: string;
}

/** Something that is told of an event of a kind of component. */
export interface Hearing {
  readonly kind: string;
  readonly event: string;
  hear(message: Message): void;
}

/**
 * Runs what may throw because of others' code, such as an exporter: the first failure becomes a warning, so that neither a
 * call of the application fails nor a warning is repeated with each.
 */
export class Containment {
  readonly #owner: string;
  #hasFailed = false;

  /** @param owner what has failed, in the warning. */
  constructor(owner: string) {
    this.#owner = owner;
  }

  failed(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    warn("KSTLIB_TELEMETRY_FAILED", `${this.#owner} failed; later failures are not told`, error);
  }
}

/** Subscribes to the channels of the events, each once. Whoever hears must not throw; if one does, it is contained. */
export function hearAll(hearings: readonly Hearing[], containment: Containment): Disposable {
  const byChannel = new Map<string, Hearing[]>();
  for (const hearing of hearings) {
    const channel = `${PREFIX}${hearing.kind}.${hearing.event}`;
    byChannel.set(channel, [...(byChannel.get(channel) ?? []), hearing]);
  }
  const subscriptions = [...byChannel].map(([channel, members]) => {
    const listener = (message: unknown): void => {
      for (const member of members) {
        // What a subscriber throws would be an uncaught exception.
        try {
          member.hear(message as Message);
        } catch (error) {
          containment.failed(error);
        }
      }
    };
    subscribe(channel, listener);
    return disposable(() => unsubscribe(channel, listener));
  });
  return disposable(() => {
    for (const subscription of subscriptions) subscription[Symbol.dispose]();
  });
}
