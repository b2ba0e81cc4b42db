import type { Clock, Timer } from "../kernel/clock.js";
import { type Linked, LinkedList } from "../kernel/linked-list.js";
import type { WebSocketManagerError } from "./errors.js";
import { sizeOf } from "./inbox.js";
import type { QueueSettings } from "./options.js";
import type { WebSocketData } from "./socket.js";

/** The web's sockets do not tell when their buffer has room again. Milliseconds. */
const LOOK_AGAIN = 20;

interface Item extends Linked<Item> {
  readonly data: WebSocketData;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Where messages can be sent now. */
export interface Line {
  readonly bufferedAmount: number;
  /** Returns whether the socket has taken it. */
  send(data: WebSocketData): boolean;
}

/** Messages that wait to be sent, in order: for a connection, or for room in its buffer. */
export class Outbox {
  readonly #limits: QueueSettings;
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #line: () => Line | undefined;
  readonly #items = new LinkedList<Item>();
  #bytes = 0;
  #timer: Timer | undefined;

  /** @param line the live connection, if there is one. */
  constructor(limits: QueueSettings, clock: Pick<Clock, "setTimer">, line: () => Line | undefined) {
    this.#limits = limits;
    this.#clock = clock;
    this.#line = line;
  }

  get size(): number {
    return this.#items.size;
  }

  /** Whether another message has no place. */
  get isFull(): boolean {
    return this.#items.size >= this.#limits.size || this.#bytes >= this.#limits.bytes;
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
    this.#timer?.cancel();
    this.#timer = undefined;
    for (let item = this.#items.head; item !== undefined; item = this.#items.head) {
      const line = this.#line();
      if (line === undefined) return;
      if (line.bufferedAmount >= this.#limits.bytes) {
        this.#timer = this.#clock.setTimer(() => this.flush(), LOOK_AGAIN);
        return;
      }
      try {
        // It stays the first until the socket has it: a connection that ends meanwhile hands it to the next one.
        if (!line.send(item.data)) return;
        item.resolve();
      } catch (error) {
        item.reject(error);
      }
      this.#remove(item);
    }
  }

  /** Rejects all that wait. Returns how many. */
  drop(error: () => WebSocketManagerError): number {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { size } = this.#items;
    for (let item = this.#items.head; item !== undefined; item = this.#items.head) {
      this.#remove(item);
      item.reject(error());
    }
    return size;
  }

  #remove(item: Item): void {
    this.#items.remove(item);
    this.#bytes -= sizeOf(item.data);
  }
}
