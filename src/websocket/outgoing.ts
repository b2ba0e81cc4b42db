import type { Events } from "../kernel/events.js";
import { isThenable } from "../kernel/thenable.js";
import { ask } from "./ask.js";
import type { Connection } from "./connection.js";
import type { WebSocketManagerError } from "./errors.js";
import type { WebSocketManagerEvents } from "./events.js";
import { sizeOf } from "./inbox.js";
import { checkData } from "./option-rules.js";
import type { WebSocketManagerSettings } from "./options.js";
import { Outbox } from "./outbox.js";
import type { WebSocketData } from "./socket.js";

/** What is sent: the subscriptions, first on each connection, and messages, which may have to wait. */
export class Outgoing {
  readonly #name: string;
  readonly #events: Events<WebSocketManagerEvents>;
  readonly #line: () => Connection | undefined;
  readonly outbox: Outbox;
  readonly subscriptions: Map<string, () => unknown> = new Map();
  readonly counts = { messagesSent: 0, bytesSent: 0, droppedQueued: 0 };

  /** @param line the live connection, once its subscriptions are sent. */
  constructor(
    { name, queue, clock }: WebSocketManagerSettings,
    events: Events<WebSocketManagerEvents>,
    line: () => Connection | undefined,
  ) {
    this.#name = name;
    this.#events = events;
    this.#line = line;
    this.outbox = new Outbox(queue, clock, () => {
      const connection = line();
      return (
        connection && {
          bufferedAmount: connection.bufferedAmount,
          send: (data) => this.#send(connection, data),
        }
      );
    });
  }

  subscribe(key: string, make: () => unknown): void {
    this.subscriptions.set(key, make);
    this.#sendMade(this.#line(), key, make);
  }

  unsubscribe(key: string, message: WebSocketData | undefined): boolean {
    const isKnown = this.subscriptions.delete(key);
    if (isKnown && message !== undefined) this.#send(this.#line(), message);
    return isKnown;
  }

  /** Sends all subscriptions on a new connection. */
  begin(connection: Connection): void {
    for (const [key, make] of this.subscriptions) this.#sendMade(connection, key, make);
  }

  /** Rejects what waits. */
  drop(error: () => WebSocketManagerError): void {
    const dropped = this.outbox.drop(error);
    if (dropped > 0) this.tellDropped(dropped);
  }

  tellDropped(count: number): void {
    this.counts.droppedQueued += count;
    this.#events.emit("dropped", Object.freeze({ direction: "queued", count }));
  }

  #sendMade(connection: Connection | undefined, key: string, make: () => unknown): void {
    if (connection === undefined) return;
    ask(this.#name, `subscription ${JSON.stringify(key)}`, () => {
      const made = make();
      return isThenable(made) ? made : this.#send(connection, checkData(made, "what it gives"));
    });
  }

  #send(connection: Connection | undefined, data: WebSocketData): boolean {
    if (connection?.send(data) !== true) return false;
    this.counts.messagesSent++;
    this.counts.bytesSent += sizeOf(data);
    return true;
  }
}
