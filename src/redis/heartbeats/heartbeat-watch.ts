import type { Clock, Timer } from "../../kernel/clock.js";
import { delay } from "../../kernel/delay.js";
import { Events, type Listener } from "../../kernel/events.js";
import { oneAtATime } from "../../kernel/one-at-a-time.js";
import type { StoreClient } from "../store/store-client.js";
import type { HeartbeatInstance, Listing } from "./instances.js";
import type { Roll } from "./roll.js";

/** How long the end of a subscription is waited for; milliseconds. */
const LONGEST_END = 1000;

/** The events of {@link HeartbeatWatch}. */
export interface HeartbeatWatchEvents {
  /** It beats: for the first time, or again. Those that beat already are told at the first look. */
  readonly joined: HeartbeatInstance;
  /** It was alive, and has not beaten for longer than `maxAge`. */
  readonly lost: HeartbeatInstance;
  /** Its heartbeat was stopped in order. */
  readonly stopped: HeartbeatInstance;
  /** It is alive, and the status in its state has changed: from `running` to `draining`, for example. */
  readonly status: HeartbeatInstance;
}

/** What a watch is made of. */
export interface HeartbeatWatchParts extends Pick<StoreClient, "subscribe"> {
  readonly owner: string;
  readonly service: string;
  readonly roll: Roll;
  readonly read: (from: number | string) => Promise<Listing>;
  /** Milliseconds. */
  readonly interval: number;
  readonly clock: Clock;
}

/**
 * Looks at the instances of a service; made by `HeartbeatRegistry.watch`. Each look reads what has beaten since the one
 * before. While Redis does not answer, nobody is lost, and afterwards everybody has a whole `maxAge` anew.
 */
export class HeartbeatWatch implements AsyncDisposable {
  readonly #parts: HeartbeatWatchParts;
  readonly #events: Events<HeartbeatWatchEvents>;
  readonly #look: () => Promise<void> = oneAtATime(() => this.#lookOnce());
  #timer: Timer | undefined;
  #subscription: Promise<AsyncDisposable | undefined> | undefined;
  #isUp = false;
  #hasFailed = false;
  #isClosed = false;

  constructor(parts: HeartbeatWatchParts) {
    this.#parts = parts;
    const names = ["joined", "lost", "stopped", "status"] as const;
    this.#events = new Events(parts.owner, names, { kind: "heartbeat-watch", name: parts.service });
    this.#arm(0);
  }

  /** The instances as of the latest look, in no particular order. */
  get instances(): readonly HeartbeatInstance[] {
    return this.#parts.roll.instances;
  }

  /** Whether Redis has answered the latest look. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /**
   * Adds a listener of `joined`, `lost`, `stopped` or `status`; disposing of the result removes it.
   *
   * @throws TypeError for an unknown event or a listener that is not a function.
   */
  on<Name extends keyof HeartbeatWatchEvents>(
    name: Name,
    listener: Listener<HeartbeatWatchEvents[Name]>,
  ): Disposable {
    return this.#events.on(name, listener);
  }

  /** Ends it and its subscription, which it waits for at most a second. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    // A connection that does not end in order is lost anyway; one that is still being made ends as soon as it is there.
    const ended = this.#subscription?.then((subscription) => subscription?.[Symbol.asyncDispose]());
    this.#subscription = undefined;
    if (ended === undefined) return;
    const enough = new AbortController();
    await Promise.race([ended.catch(() => undefined), delay(this.#parts.clock, LONGEST_END, enough.signal)]);
    enough.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #arm(wait: number): void {
    const { clock, interval } = this.#parts;
    this.#timer = clock.setTimer(
      () => {
        if (this.#isClosed) return;
        this.#arm(interval);
        this.#lookInBackground();
      },
      wait,
      { ref: false },
    );
  }

  #lookInBackground(): void {
    const work = this.#look();
    this.#parts.clock.track?.(work);
  }

  /** Never rejects. */
  async #lookOnce(): Promise<void> {
    const { roll, read, clock, interval } = this.#parts;
    const asked = clock.now();
    let listing: Listing;
    try {
      listing = await read(roll.from);
    } catch {
      this.#isUp = false;
      this.#hasFailed = true;
      return;
    }
    if (this.#isClosed) return;
    this.#isUp = true;
    // An answer that took so long tells of a server that stood still: nobody could beat meanwhile.
    const changes = roll.apply(listing, this.#hasFailed || clock.now() - asked > interval);
    this.#hasFailed = false;
    this.#subscribe(listing.channel);
    for (const { event, instance } of changes) this.#events.emit(event, instance);
  }

  /** Changes of status are told at once; without a subscription they are found by the next look. */
  #subscribe(channel: string): void {
    if (this.#subscription !== undefined || channel === "" || this.#isClosed) return;
    const look = (): void => {
      if (!this.#isClosed) this.#lookInBackground();
    };
    this.#subscription = this.#parts.subscribe(channel, { message: look, restored: look }).then(
      (subscription) => {
        // What has changed since the look that told of the channel.
        look();
        return subscription;
      },
      () => {
        // Tried again after the next look.
        this.#subscription = undefined;
        return undefined;
      },
    );
  }
}
