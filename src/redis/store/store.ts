import type { Clock, Timer } from "../../kernel/clock.js";
import { Events, type Listener } from "../../kernel/events.js";
import { setFairTimer } from "../../kernel/fair-timer.js";
import { type Linked, LinkedList } from "../../kernel/linked-list.js";
import { messageOf } from "../../kernel/message-of.js";
import type { Script } from "./script.js";
import { warnOfEviction } from "./eviction.js";
import { isReply } from "./run-script.js";
import type { StoreClient } from "./store-client.js";
import { StoreError } from "./store-error.js";
import { Whereabouts } from "./whereabouts.js";

/** Options of a {@link Store}. */
export interface StoreOptions {
  /** Milliseconds within which every call is decided. */
  readonly storeTimeout: number;
  readonly clock: Clock;
}

/** The events of a {@link Store}. */
export interface StoreEvents {
  /** A place no longer answers: the server, or in a cluster a node. */
  readonly down: { readonly cause?: unknown };
  /** Everything answers again. */
  readonly up: { readonly cause?: unknown };
}

interface Call extends Linked<Call> {
  readonly due: number;
  readonly place: string;
  readonly key: string;
  readonly reject: (reason: StoreError) => void;
  isOpen: boolean;
}

/**
 * Asks the store, and decides in time whatever the client does: a client may keep a call for ever, or run it much later.
 *
 * A place that did not answer (the server, or in a cluster the node of the key) is not asked by calls, which fail at once,
 * but by a probe in the background at growing intervals, until it answers. An error that the server replies is an answer.
 */
export class Store implements Disposable {
  readonly #client: StoreClient;
  readonly #timeout: number;
  readonly #clock: Clock;
  readonly #events = new Events<StoreEvents>("store", ["down", "up"], { kind: "store", name: "redis" });
  /** All have the same timeout, so that the first is due first: one timer is enough. */
  readonly #calls = new LinkedList<Call>();
  #timer: Timer | undefined;
  readonly #away: Whereabouts;
  #isClosed = false;

  constructor(client: StoreClient, { storeTimeout, clock }: StoreOptions) {
    this.#client = client;
    this.#timeout = storeTimeout;
    this.#clock = clock;
    this.#away = new Whereabouts(client, storeTimeout, clock, () => this.#events.emit("up", {}));
  }

  /** Whether everything answers, as far as is known. */
  get isUp(): boolean {
    return this.#away.isEmpty && this.#client.isReady;
  }

  /**
   * Runs a script.
   *
   * @param late gets a reply that came after the promise was rejected.
   * @throws never synchronously; rejects with a {@link StoreError} within the timeout, at once while the place is away.
   */
  async run(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
    late?: (reply: unknown) => void,
  ): Promise<unknown> {
    if (this.#isClosed) throw new StoreError("the store is closed here.");
    const [key = ""] = keys;
    const place = this.#client.nodeOf?.(key) ?? "";
    if (this.#away.has(place)) {
      throw new StoreError("the store does not answer; it is asked again in the background.");
    }
    if (!this.#client.isReady) {
      const error = new StoreError("the client is not connected.");
      this.#left(place, key, error);
      throw error;
    }
    return new Promise((resolve, reject) => {
      const call: Call = { due: this.#clock.now() + this.#timeout, place, key, reject, isOpen: true };
      this.#calls.push(call);
      this.#timer ??= setFairTimer(this.#clock, this.#sweep, this.#timeout);
      const replied = (reply: unknown): void => {
        if (this.#end(call)) {
          resolve(reply);
          warnOfEviction(this.#client, key);
          return;
        }
        // It answers again: what is to be done about it need not wait for a probe.
        this.#away.heard(place);
        late?.(reply);
      };
      const failed = (cause: unknown): void => {
        if (!this.#end(call)) return;
        if (!isReply(cause)) this.#left(place, key, cause);
        reject(new StoreError(`the store failed: ${messageOf(cause)}`, { cause }));
      };
      this.#client.run(script, keys, args).then(replied, failed);
    });
  }

  /** Listens to an event; disposing of the result stops it. */
  on<Name extends keyof StoreEvents>(event: Name, listener: Listener<StoreEvents[Name]>): Disposable {
    return this.#events.on(event, listener);
  }

  /** Fails all calls, and leaves no timer; the client stays open. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#away.clear();
    for (let call = this.#calls.head; call; call = this.#calls.head) {
      this.#end(call);
      call.reject(new StoreError("the store was closed here before it answered."));
    }
  }

  /** Takes a call off the list; false when it is over already. */
  #end(call: Call): boolean {
    if (!call.isOpen) return false;
    call.isOpen = false;
    this.#calls.remove(call);
    if (this.#calls.size === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    return true;
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (let call = this.#calls.head; call; call = this.#calls.head) {
      if (call.due > now) {
        this.#timer = setFairTimer(this.#clock, this.#sweep, call.due - now);
        break;
      }
      this.#end(call);
      const error = new StoreError(`the store did not answer within ${this.#timeout} ms.`);
      this.#left(call.place, call.key, error);
      call.reject(error);
    }
  };

  #left(place: string, key: string, cause: unknown): void {
    if (!this.#isClosed && this.#away.add(place, key)) this.#events.emit("down", { cause });
  }
}
