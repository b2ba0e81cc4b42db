import { checkSignal, onAbort } from "../kernel/abort.js";
import { type Linked, LinkedList } from "../kernel/linked-list.js";
import type { QueueSettings } from "./options.js";
import type { WebSocketMessage } from "./socket.js";

interface Item extends Linked<Item> {
  readonly data: WebSocketMessage;
}

/** A message or the end; a promise that is rejected says why there will be none. */
type Outcome = IteratorResult<WebSocketMessage, undefined> | Promise<never>;

interface Reader extends Linked<Reader> {
  settle(outcome: Outcome): void;
}

/** The length of a message: bytes, or UTF-16 units of text. */
export function sizeOf(data: string | { readonly byteLength: number }): number {
  return typeof data === "string" ? data.length : data.byteLength;
}

/** Throws what an aborted signal was aborted with, and a TypeError for what is none. */
export function checkWait(signal: AbortSignal | undefined): void {
  if (signal !== undefined) checkSignal(signal, "signal");
  signal?.throwIfAborted();
}

/** Messages that wait for a reader, up to a bound. */
export class Inbox {
  readonly #limits: QueueSettings;
  readonly #onRoom: () => void;
  readonly #items = new LinkedList<Item>();
  readonly #readers = new LinkedList<Reader>();
  #bytes = 0;
  /** How reading ends. */
  #end: (() => Outcome) | undefined;

  /** @param onRoom called when a message was taken. */
  constructor(limits: QueueSettings, onRoom: () => void) {
    this.#limits = limits;
    this.#onRoom = onRoom;
  }

  get size(): number {
    return this.#items.size;
  }

  get isFull(): boolean {
    return this.#items.size >= this.#limits.size || this.#bytes >= this.#limits.bytes;
  }

  /** Whether so much was taken since it was full that it is worth to receive again. */
  get hasRoom(): boolean {
    return this.#items.size <= this.#limits.size / 2 && this.#bytes <= this.#limits.bytes / 2;
  }

  push(data: WebSocketMessage): void {
    const reader = this.#readers.head;
    if (reader !== undefined) {
      reader.settle({ done: false, value: data });
      return;
    }
    this.#items.push({ data });
    this.#bytes += sizeOf(data);
  }

  /** Drops the oldest messages until the bounds hold; one message always stays. Returns how many. */
  trim(): number {
    let dropped = 0;
    const { size, bytes } = this.#limits;
    while (this.#items.size > size || (this.#bytes > bytes && this.#items.size > 1)) {
      this.#shift();
      dropped++;
    }
    return dropped;
  }

  /** The next message; `done` when there will be none, or a rejection with why. */
  async take(signal?: AbortSignal): Promise<IteratorResult<WebSocketMessage, undefined>> {
    checkWait(signal);
    const value = this.#shift();
    if (value !== undefined) {
      this.#onRoom();
      return { done: false, value };
    }
    if (this.#end !== undefined) return this.#end();
    return new Promise((resolve) => {
      const leave = signal && onAbort(signal, () => reader.settle(Promise.reject(signal.reason as Error)));
      const reader: Reader = {
        settle: (outcome) => {
          this.#readers.remove(reader);
          leave?.();
          resolve(outcome);
        },
      };
      this.#readers.push(reader);
    });
  }

  /** No message will follow, though what waits can still be read; `undefined`: messages follow again. */
  end(how: (() => Outcome) | undefined): void {
    this.#end = how;
    if (how === undefined) return;
    for (let reader = this.#readers.head; reader !== undefined; reader = this.#readers.head)
      reader.settle(how());
  }

  #shift(): WebSocketMessage | undefined {
    const { head } = this.#items;
    if (head === undefined) return undefined;
    this.#items.remove(head);
    this.#bytes -= sizeOf(head.data);
    return head.data;
  }
}
