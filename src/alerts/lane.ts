import type { Clock, Timer } from "../kernel/clock.js";
import { delay } from "../kernel/delay.js";
import type { Pipeline } from "../policies/pipeline/pipeline.js";
import type { RateLimiter } from "../rate-limiter/rate-limiter.js";
import type { Delivery } from "./alert.js";
import type { AlertChannel } from "./channel.js";
import { channelPipeline } from "./channel-pipeline.js";
import type { AlertResult, AlertStatus, ChannelStats } from "./events.js";
import { Tally, together, withTally } from "./messages.js";

/** How a channel is used; durations in milliseconds. */
export interface LaneSettings {
  readonly clock: Clock;
  readonly group: number;
  readonly timeout: number;
  readonly maxRetries: number;
  readonly maxQueue: number;
  /** Its own; without one nothing is held back. */
  readonly limiter: RateLimiter | undefined;
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

const OF_HELD: Job = { message: undefined, full: 0, settle() {} };

/** A message that could not be delivered. */
interface Failed extends Job {
  readonly message: Delivery;
  /** Without what was held. */
  readonly own: Delivery | undefined;
  readonly told: Tally;
}

/** An alert that waits for others, to be one message with them. */
interface Grouped {
  readonly alert: Delivery;
  readonly settle: (result: AlertResult) => void;
}

/** The alerts of one channel: in their order, no more than it may get, each accounted for. */
export class Lane {
  readonly channel: AlertChannel;
  readonly #settings: LaneSettings;
  readonly #listener: LaneListener;
  readonly #pipeline: Pipeline;
  readonly #queue: Job[] = [];
  readonly #held = new Tally();
  readonly #end = new AbortController();
  #grouped: Grouped[] = [];
  #groupTimer: Timer | undefined;
  #wake: Timer | undefined;
  #work: Promise<void> | undefined;
  /** No message begins before this reading of the clock, as the receiver has asked or the circuit is open. */
  #pausedUntil = 0;
  #isClosing = false;
  #given = 0;
  #sent = 0;
  #counted = 0;
  #failed = 0;
  #dropped = 0;

  constructor(channel: AlertChannel, settings: LaneSettings, listener: LaneListener) {
    this.channel = channel;
    this.#settings = settings;
    this.#listener = listener;
    this.#pipeline = channelPipeline(channel.name, settings);
  }

  get stats(): ChannelStats {
    const [given, sent, counted, failed, dropped] = [
      this.#given,
      this.#sent,
      this.#counted,
      this.#failed,
      this.#dropped,
    ];
    const pending = given - sent - counted - failed - dropped;
    return Object.freeze({ given, sent, counted, failed, dropped, pending });
  }

  /** Takes an alert; the promise resolves when it is known what becomes of it. */
  take(alert: Delivery): Promise<AlertResult> {
    this.#given++;
    if (this.#isClosing) {
      this.#drop(1);
      return Promise.resolve(this.#result("dropped"));
    }
    return new Promise((settle) => {
      if (this.#settings.group === 0) {
        this.#offer(alert, 1, settle);
        return;
      }
      if (this.#grouped.length >= this.#settings.maxQueue) {
        this.#hold(alert);
        settle(this.#result("held"));
        return;
      }
      this.#grouped.push({ alert, settle });
      this.#groupTimer ??= this.#settings.clock.setTimer(() => this.#endGroup(), this.#settings.group, {
        ref: false,
      });
    });
  }

  /** Counts an alert that is equal to an earlier one, until {@link tell} or the next message tells it. */
  count(): AlertResult {
    this.#given++;
    if (!this.#isClosing) return this.#result("merged");
    this.#drop(1);
    return this.#result("dropped");
  }

  /** Tells of counted alerts. */
  tell(message: Delivery): void {
    if (this.#isClosing) this.#drop(message.count);
    else this.#offer(message, 0, () => {});
  }

  /** Sends what is held, and waits for what is under way; what is not told at the deadline is dropped. */
  async close(deadline: number): Promise<void> {
    if (this.#isClosing) return;
    const { clock } = this.#settings;
    this.#endGroup();
    this.#isClosing = true;
    this.#wake?.cancel();
    const timer = clock.setTimer(() => this.#end.abort(), deadline);
    if (this.#work === undefined && this.#held.count > 0) await this.#afterPause();
    if (!this.#end.signal.aborted) this.#begin(OF_HELD);
    await this.#work;
    timer.cancel();
    this.#drop(this.#held.take().count);
  }

  #endGroup(): void {
    this.#groupTimer?.cancel();
    this.#groupTimer = undefined;
    const [first, ...others] = this.#grouped;
    this.#grouped = [];
    if (first === undefined) return;
    const all = [first, ...others] as const;
    const message =
      others.length === 0 ? first.alert : together([first.alert, ...others.map(({ alert }) => alert)]);
    this.#offer(message, all.length, (result) => {
      for (const { settle } of all) settle(result);
    });
  }

  /** Queues a message behind one that is under way; otherwise begins it, or holds it back. */
  #offer(message: Delivery, full: number, settle: (result: AlertResult) => void): void {
    const isFull = this.#queue.length >= this.#settings.maxQueue;
    if (this.#work === undefined ? this.#mayBegin() : !isFull) {
      this.#begin({ message, full, settle });
      return;
    }
    this.#hold(message);
    settle(this.#result("held"));
  }

  /** Whether a message may begin now, for which it takes a token. */
  #mayBegin(): boolean {
    const { clock, limiter } = this.#settings;
    if (this.#isClosing) return true;
    return clock.now() >= this.#pausedUntil && (limiter?.tryAcquire() ?? true);
  }

  #hold(message: Delivery): void {
    this.#held.add(message, message.count, this.#settings.clock.now());
    this.#arm();
  }

  /** Looks again when a message may begin. */
  #arm(): void {
    if (this.#isClosing || this.#held.count === 0 || this.#work !== undefined) return;
    const { clock, limiter } = this.#settings;
    const now = clock.now();
    const wait = Math.max(0, this.#pausedUntil - now, (limiter?.timeUntilToken() ?? 0) * 1000);
    this.#wake?.cancel();
    // With a rate of 0 there is no next message before the end.
    if (wait === Infinity) return;
    this.#wake = clock.setTimer(() => this.#tellHeld(), wait, { ref: false });
  }

  #tellHeld(): void {
    if (this.#held.count === 0 || this.#work !== undefined) return;
    if (this.#mayBegin()) this.#begin(OF_HELD);
    else this.#arm();
  }

  #begin(job: Job): void {
    this.#queue.push(job);
    // The first may begin, as the caller has seen.
    this.#work ??= this.#run();
  }

  async #run(): Promise<void> {
    this.#wake?.cancel();
    for (let mayBegin = true; ; mayBegin = await this.#isNext()) {
      const job = this.#queue.shift();
      if (job === undefined) break;
      if (mayBegin) await this.#deliver(job);
      else if (job.message !== undefined) {
        this.#held.add(job.message, job.message.count, this.#settings.clock.now());
        job.settle(this.#result("held"));
      }
    }
    this.#work = undefined;
    this.#arm();
  }

  /** Whether the next message may begin. At the end it waits for what the receiver has asked for. */
  async #isNext(): Promise<boolean> {
    if (this.#queue.length === 0) return true;
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
    const message =
      own === undefined ? told.message(now, clock.wallNow(), crypto.randomUUID()) : withTally(own, told, now);
    try {
      const given: unknown = await this.#pipeline.execute(
        (context) => this.channel.deliver(message, { signal: context.signal }),
        { signal: this.#end.signal },
      );
      this.#sent += full;
      this.#counted += message.count - full;
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
    const retryAfter: unknown = Reflect.get(Object(error), "retryAfter");
    if (typeof retryAfter === "number" && retryAfter > 0) {
      this.#pausedUntil = Math.max(this.#pausedUntil, clock.now() + retryAfter * 1000);
    }
    const isOpen = Reflect.get(Object(error), "code") === "ERR_CIRCUIT_OPEN";
    // Where nobody was asked, all of it is told when the circuit closes.
    const failed = isOpen && !this.#isClosing ? 0 : full;
    this.#failed += failed;
    if (this.#isClosing) this.#drop(message.count - full);
    else {
      this.#held.restore(told);
      if (own !== undefined && own.count > failed) this.#held.add(own, own.count - failed, clock.now());
    }
    if (failed > 0 || full === 0) this.#listener.failed(message, error);
    settle(this.#result(failed < full ? "held" : "failed", undefined, error));
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#dropped += count;
    this.#listener.dropped(count);
  }

  #result(status: AlertStatus, messageId?: string, error?: unknown): AlertResult {
    const channel = this.channel.name;
    return Object.freeze({ channel, status, success: status === "sent", messageId, error });
  }
}
