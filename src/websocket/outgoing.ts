import type { Clock } from "../kernel/clock.js";
import type { Events } from "../kernel/events.js";
import { type Linked, LinkedList } from "../kernel/linked-list.js";
import { isThenable } from "../kernel/thenable.js";
import { Alarm } from "./alarm.js";
import { ask } from "./ask.js";
import type { Connection } from "./connection.js";
import type { WebSocketManagerError } from "./errors.js";
import type { WebSocketManagerEvents } from "./events.js";
import { sizeOf } from "./inbox.js";
import { checkData } from "./option-rules.js";
import type { QueueSettings } from "./options.js";
import type { WebSocketData } from "./socket.js";

/** The web's sockets do not tell when their buffer has room again. Milliseconds. */
const LOOK_AGAIN = 20;

interface Item extends Linked<Item> {
  readonly data: WebSocketData;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What is sent: the subscriptions, first on each connection, and messages in order, which may have to wait for a connection
 * or for room in its buffer.
 */
export class Outgoing {
  readonly #name: string;
  readonly #limits: QueueSettings;
  readonly #events: Events<WebSocketManagerEvents>;
  readonly #line: () => Connection | undefined;
  readonly #items = new LinkedList<Item>();
  readonly #alarm: Alarm;
  #bytes = 0;
  readonly subscriptions: Map<string, () => unknown> = new Map();
  readonly counts = { messagesSent: 0, bytesSent: 0, droppedQueued: 0 };

  /** @param line the live connection, once its subscriptions are sent. */
  constructor(
    { name, queue, clock }: { readonly name: string; readonly queue: QueueSettings; readonly clock: Clock },
    events: Events<WebSocketManagerEvents>,
    line: () => Connection | undefined,
  ) {
    this.#name = name;
    this.#limits = queue;
    this.#alarm = new Alarm(clock, true);
    this.#events = events;
    this.#line = line;
  }

  /** How many messages wait. */
  get size(): number {
    return this.#items.size;
  }

  /** Whether another message has no place. */
  get isFull(): boolean {
    return this.#items.size >= this.#limits.size || this.#bytes >= this.#limits.bytes;
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

  /** Resolves when a live socket has it. */
  add(data: WebSocketData): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#items.push({ data, resolve, reject });
      this.#bytes += sizeOf(data);
      this.flush();
    });
  }

  /** Sends what can be sent. */
  flush(): void {
    this.#alarm.cancel();
    for (let item = this.#items.head; item !== undefined; item = this.#items.head) {
      const line = this.#line();
      if (line !== undefined && line.bufferedAmount >= this.#limits.bytes) {
        this.#alarm.set(() => this.flush(), LOOK_AGAIN);
        return;
      }
      try {
        // It stays the first until the socket has it: a connection that ends meanwhile hands it to the next one.
        if (!this.#send(line, item.data)) return;
        item.resolve();
      } catch (error) {
        item.reject(error);
      }
      this.#remove(item);
    }
  }

  /** Rejects all that wait. */
  drop(error: () => WebSocketManagerError): void {
    this.#alarm.cancel();
    const { size } = this.#items;
    for (let item = this.#items.head; item !== undefined; item = this.#items.head) {
      this.#remove(item);
      item.reject(error());
    }
    if (size > 0) this.tellDropped(size);
  }

  tellDropped(count: number): void {
    this.counts.droppedQueued += count;
    this.#events.emit("dropped", Object.freeze({ direction: "queued", count }));
  }

  #remove(item: Item): void {
    this.#items.remove(item);
    this.#bytes -= sizeOf(item.data);
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
