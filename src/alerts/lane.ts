import type { Clock, Timer } from "../kernel/clock.js";
import { delay } from "../kernel/delay.js";
import type { Delivery } from "./alert.js";
import type { AlertChannel } from "./channel.js";
import { type ChannelPolicies, channelPolicies } from "./channel-policies.js";
import type { ThrottleSettings } from "./channel-rules.js";
import type { AlertResult, AlertStatus, ChannelStats } from "./events.js";
import { fieldOf } from "./field-of.js";
import { Group } from "./group.js";
import { Tally, withTally } from "./messages.js";

/** How a channel is used; durations in milliseconds. */
export interface LaneSettings {
  readonly clock: Clock;
  readonly group: number;
  readonly timeout: number;
  readonly maxRetries: number;
  readonly maxQueue: number;
  readonly throttle: ThrottleSettings | false;
}

/** What a lane reports. */
export interface LaneListener {
  sent(message: Delivery): void;
  failed(message: Delivery, error: unknown): void;
  dropped(count: number): void;
}

/** A message to be delivered. */
interface Job {
  /** `undefined`: a message of what is held. */
  readonly message: Delivery | undefined;
  /** How many alerts it delivers in full; the others of its count are numbers. */
  readonly full: number;
  readonly settle: (result: AlertResult) => void;
}

/** How long what is held waits after a failure, in milliseconds, unless the receiver has asked for a time. */
const PAUSE = 60_000;

const OF_HELD: Job = { message: undefined, full: 0, settle() {} };

/** A message that could not be delivered. */
interface Failed extends Job {
  readonly message: Delivery;
  /** Without what was held. */
  readonly own: Delivery | undefined;
  readonly told: Tally;
}

/** The alerts of one channel: in their order, no more than it may get, each accounted for. */
export class Lane {
  /** That of the channel when it was added. */
  readonly name: string;
  readonly #channel: AlertChannel;
  readonly #settings: LaneSettings;
  readonly #listener: LaneListener;
  readonly #policies: ChannelPolicies;
  readonly #group: Group;
  readonly #queue: Job[] = [];
  readonly #held = new Tally();
  readonly #end = new AbortController();
  #wake: Timer | undefined;
  #isRunning = false;
  /** Settles when no message is under way. */
  #work: Promise<void> | undefined;
  /** No message begins before this reading of the clock, as the receiver has asked or the circuit is open. */
  #pausedUntil = 0;
  /** What is held is no message of its own before this. */
  #heldUntil = 0;
  #isClosing = false;
  /** Dropped, and not reported yet. */
  #untold = 0;
  readonly #counts = { given: 0, sent: 0, counted: 0, failed: 0, dropped: 0 };

  constructor(channel: AlertChannel, settings: LaneSettings, listener: LaneListener) {
    this.name = channel.name;
    this.#channel = channel;
    this.#settings = settings;
    this.#listener = listener;
    this.#policies = channelPolicies(this.name, settings);
    this.#group = new Group(settings, (message, full, settle) => this.#offer(message, full, settle));
  }

  get stats(): ChannelStats {
    const { given, sent, counted, failed, dropped } = this.#counts;
    const pending = given - sent - counted - failed - dropped;
    return Object.freeze({ ...this.#counts, pending });
  }

  /** Takes an alert; the promise resolves when it is known what becomes of it. */
  take(alert: Delivery): Promise<AlertResult> {
    this.#counts.given++;
    if (this.#isClosing) return Promise.resolve(this.#late());
    return new Promise((settle) => {
      if (this.#group.add(alert, settle)) return;
      this.#hold(alert);
      settle(this.#result("held"));
    });
  }

  /** Counts an alert that is equal to an earlier one, until {@link tell} or the next message tells it. */
  count(): AlertResult {
    this.#counts.given++;
    return this.#isClosing ? this.#late() : this.#result("merged");
  }

  /** Tells of counted alerts. */
  tell(message: Delivery): void {
    if (!this.#isClosing) this.#offer(message, 0, () => {});
    else this.#late(message.count);
  }

  /** Sends what is held, and waits for what is under way; what is not told at the deadline is dropped. */
  async close(deadline: number): Promise<void> {
    if (this.#isClosing) return;
    const { clock } = this.#settings;
    this.#group.end();
    this.#isClosing = true;
    this.#wake?.cancel();
    const timer = clock.setTimer(() => this.#end.abort(), deadline);
    if (!this.#isRunning && this.#held.count > 0) await this.#afterPause();
    if (!this.#end.signal.aborted) this.#begin(OF_HELD);
    await this.#work;
    timer.cancel();
    this.#drop(this.#held.take().count);
    this.#tellDropped();
  }

  /** Queues a message behind one that is under way; otherwise begins it, or holds it back. */
  #offer(message: Delivery, full: number, settle: (result: AlertResult) => void): void {
    const isFull = this.#queue.length >= this.#settings.maxQueue;
    if (this.#isRunning ? !isFull : this.#mayBegin()) {
      this.#begin({ message, full, settle });
      return;
    }
    this.#hold(message);
    settle(this.#result("held"));
  }

  /** Whether a message may begin now, for which it takes a token. */
  #mayBegin(): boolean {
    if (this.#isClosing) return true;
    const { limiter } = this.#policies;
    return this.#settings.clock.now() >= this.#pausedUntil && (limiter?.tryAcquire() ?? true);
  }

  #hold(message: Delivery): void {
    this.#held.add(message, message.count, this.#settings.clock.now());
    this.#arm();
  }

  /** Looks again when a message may begin. */
  #arm(): void {
    if (this.#isClosing || this.#held.count === 0 || this.#isRunning) return;
    const { clock } = this.#settings;
    const untilToken = (this.#policies.limiter?.timeUntilToken() ?? 0) * 1000;
    const wait = Math.max(0, Math.max(this.#pausedUntil, this.#heldUntil) - clock.now(), untilToken);
    this.#wake?.cancel();
    // With a rate of 0 there is no next message before the end.
    if (wait === Infinity) return;
    this.#wake = clock.setTimer(() => this.#tellHeld(), wait, { ref: false });
  }

  #tellHeld(): void {
    if (this.#held.count === 0 || this.#isRunning) return;
    if (this.#mayBegin()) this.#begin(OF_HELD);
    else this.#arm();
  }

  #begin(job: Job): void {
    this.#queue.push(job);
    if (this.#isRunning) return;
    // Before a channel is called, which may send an alert itself.
    this.#isRunning = true;
    this.#work = this.#run();
  }

  async #run(): Promise<void> {
    this.#wake?.cancel();
    // The first may begin, as the caller has seen.
    for (let mayBegin = true; this.#queue.length > 0; mayBegin = await this.#isNext()) {
      const job = this.#queue.shift() ?? OF_HELD;
      if (mayBegin) await this.#deliver(job);
      else if (job.message !== undefined) {
        this.#held.add(job.message, job.message.count, this.#settings.clock.now());
        job.settle(this.#result("held"));
      }
    }
    this.#isRunning = false;
    this.#arm();
  }

  /** Whether the next message may begin. At the end it waits for what the receiver has asked for. */
  async #isNext(): Promise<boolean> {
    // What comes while this is being answered has no token.
    if (this.#queue.length === 0) return false;
    await this.#afterPause();
    return this.#mayBegin();
  }

  async #afterPause(): Promise<void> {
    const { clock } = this.#settings;
    const pause = this.#pausedUntil - clock.now();
    if (this.#isClosing && pause > 0) await delay(clock, pause, this.#end.signal);
  }

  /** Delivers a message, with what is held. */
  async #deliver({ message: own, full, settle }: Job): Promise<void> {
    const { clock } = this.#settings;
    const now = clock.now();
    const told = this.#held.take();
    if (own === undefined && told.count === 0) return;
    const whole =
      own === undefined ? told.message(now, clock.wallNow(), crypto.randomUUID()) : withTally(own, told, now);
    // Its own: what a channel does to it concerns no other.
    const message = Object.freeze({ ...whole, timestamp: new Date(whole.timestamp) });
    try {
      const given: unknown = await this.#policies.pipeline.execute(
        (context) => this.#channel.deliver(message, { signal: context.signal }),
        { signal: this.#end.signal },
      );
      this.#heldUntil = 0;
      this.#counts.sent += full;
      this.#counts.counted += message.count - full;
      this.#listener.sent(message);
      settle(this.#result("sent", typeof given === "string" ? given : undefined));
    } catch (error) {
      this.#notDelivered({ message, own, full, told, settle }, error);
    }
  }

  #notDelivered({ message, own, full, told, settle }: Failed, error: unknown): void {
    const { clock } = this.#settings;
    if (this.#end.signal.aborted) {
      this.#drop(message.count);
      settle(this.#result("dropped", undefined, error));
      return;
    }
    const retryAfter = fieldOf(error, "retryAfter");
    if (typeof retryAfter === "number" && retryAfter > 0) {
      this.#pausedUntil = Math.max(this.#pausedUntil, clock.now() + retryAfter * 1000);
    } else this.#heldUntil = clock.now() + PAUSE;
    const isOpen = fieldOf(error, "code") === "ERR_CIRCUIT_OPEN";
    // Where nobody was asked, all of it is told when the circuit closes.
    const failed = isOpen && !this.#isClosing ? 0 : full;
    this.#counts.failed += failed;
    if (this.#isClosing) this.#drop(message.count - full);
    else {
      this.#held.restore(told);
      if (own !== undefined && own.count > failed) this.#held.add(own, own.count - failed, clock.now());
    }
    if (failed > 0 || full === 0) this.#listener.failed(message, error);
    settle(this.#result(failed < full ? "held" : "failed", undefined, error));
  }

  /** The result of an alert that comes after the end. */
  #late(count = 1): AlertResult {
    this.#drop(count);
    if (!this.#isRunning) this.#tellDropped();
    return this.#result("dropped");
  }

  #drop(count: number): void {
    this.#counts.dropped += count;
    this.#untold += count;
  }

  /** Reports what was dropped, as one number. */
  #tellDropped(): void {
    const count = this.#untold;
    this.#untold = 0;
    if (count > 0) this.#listener.dropped(count);
  }

  #result(status: AlertStatus, messageId?: string, error?: unknown): AlertResult {
    return Object.freeze({ channel: this.name, status, success: status === "sent", messageId, error });
  }
}
