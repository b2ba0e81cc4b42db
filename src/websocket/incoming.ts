import type { Events } from "../kernel/events.js";
import { ask } from "./ask.js";
import type { Connection } from "./connection.js";
import type { WebSocketManagerEvents } from "./events.js";
import { Inbox, sizeOf } from "./inbox.js";
import type { WebSocketManagerSettings } from "./options.js";
import { SeenKeys } from "./seen-keys.js";
import type { WebSocketMessage } from "./socket.js";

/** What arrives, from all connections: without doubles, kept for readers within the bounds, and told to listeners. */
export class Incoming {
  readonly #settings: WebSocketManagerSettings;
  readonly #events: Events<WebSocketManagerEvents>;
  readonly #connections: () => readonly Connection[];
  readonly inbox: Inbox;
  readonly #keys = new SeenKeys();
  /** Somebody reads, so that messages are kept even if there are listeners. */
  #isRead = false;
  /** Dropped since that was last told; `undefined` when nothing was dropped since the reader has taken a message. */
  #untold: number | undefined;
  readonly counts = {
    messagesReceived: 0,
    bytesReceived: 0,
    doubles: 0,
    droppedReceived: 0,
    lastMessageAt: null as number | null,
  };

  /** @param connections those that may have to be paused. */
  constructor(
    settings: WebSocketManagerSettings,
    events: Events<WebSocketManagerEvents>,
    connections: () => readonly Connection[],
  ) {
    this.#settings = settings;
    this.#events = events;
    this.#connections = connections;
    this.inbox = new Inbox(settings.queue, () => this.#hasTaken());
  }

  /** The next message; `done` when there will be none, or a rejection with why. */
  take(signal?: AbortSignal): Promise<IteratorResult<WebSocketMessage, undefined>> {
    this.#isRead = true;
    return this.inbox.take(signal);
  }

  /** The messages for one loop. */
  iterate(): AsyncIterableIterator<WebSocketMessage> {
    const stop = new AbortController();
    const ended = { done: true, value: undefined } as const;
    return {
      next: () =>
        this.take(stop.signal).catch((error: unknown) => {
          if (stop.signal.aborted) return ended;
          throw error;
        }),
      return: async () => {
        stop.abort();
        return ended;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  received(connection: Connection, data: WebSocketMessage): void {
    this.counts.messagesReceived++;
    this.counts.bytesReceived += sizeOf(data);
    this.counts.lastMessageAt = this.#settings.clock.wallNow();
    if (this.#isDouble(connection, data)) {
      this.counts.doubles++;
      return;
    }
    // Without a reader, listeners are enough; without either, a reader may come.
    if (this.#isRead || !this.#events.has("message")) this.#keep(data);
    this.#events.emit("message", Object.freeze({ data }));
  }

  #isDouble(connection: Connection, data: WebSocketMessage): boolean {
    const { messageKey, name } = this.#settings;
    if (messageKey === undefined) return false;
    const key = ask(name, "messageKey", () => messageKey(data));
    const isKey = typeof key === "string" || (typeof key === "number" && !Number.isNaN(key));
    return isKey && this.#keys.isDouble(key, connection.id);
  }

  #keep(data: WebSocketMessage): void {
    this.inbox.push(data);
    if (!this.inbox.isFull) return;
    // A socket that is paused may still deliver what it had read.
    const paused = this.#connections().map((connection) => connection.pause());
    if (paused.length > 0 && paused.every(Boolean)) return;
    const dropped = this.inbox.trim();
    if (dropped === 0) return;
    this.counts.droppedReceived += dropped;
    // The first of a series at once, the others when the reader goes on.
    if (this.#untold === undefined) {
      this.#untold = 0;
      this.#tellDropped(dropped);
    } else {
      this.#untold += dropped;
    }
  }

  #hasTaken(): void {
    const untold = this.#untold ?? 0;
    this.#untold = undefined;
    if (untold > 0) this.#tellDropped(untold);
    if (this.inbox.hasRoom) {
      for (const connection of this.#connections()) connection.resume();
    }
  }

  #tellDropped(count: number): void {
    this.#events.emit("dropped", Object.freeze({ direction: "received", count }));
  }
}
