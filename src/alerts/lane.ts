import { CircuitBreaker } from "../circuit-breaker/circuit-breaker.js";
import type { Clock, Timer } from "../kernel/clock.js";
import { delay } from "../kernel/delay.js";
import { Pipeline } from "../policies/pipeline/pipeline.js";
import { Retry } from "../policies/retry/retry.js";
import { Timeout } from "../policies/timeout/timeout.js";
import type { RateLimiter } from "../rate-limiter/rate-limiter.js";
import type { Delivery } from "./alert.js";
import type { AlertChannel } from "./channel.js";
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

interface Job {
  readonly message: Delivery;
  /** How many alerts it delivers in full; the others of its count are numbers. */
  readonly full: number;
  /** What is told again when the message cannot be delivered. */
  readonly told: Tally;
  readonly settle: (result: AlertResult) => void;
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
    const { clock, maxRetries, timeout } = settings;
    const name = `alerts to ${channel.name}`;
    this.#pipeline = new Pipeline(name, [
      new Retry({
        name,
        attempts: maxRetries + 1,
        delay: { initial: "1s", factor: 2, max: "30s", jitter: "full" },
        retryIf: (outcome) => outcome.status === "rejected" && isRetryable(outcome.reason),
        clock,
      }),
      new CircuitBreaker({ name, maxFailures: 5, resetTimeout: "60s", clock }),
      new Timeout({ name, timeout: timeout / 1000, clock }),
    ]);
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
        this.#hold(alert, 1);
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
    const pause = this.#pausedUntil - clock.now();
    // The receiver has asked for it: nothing is sent before.
    if (pause > 0 && this.#held.count > 0) await delay(clock, pause, this.#end.signal);
    if (!this.#end.signal.aborted) this.#begin(undefined);
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

  /** Queues a message, or holds it back. */
  #offer(message: Delivery, full: number, settle: (result: AlertResult) => void): void {
    const isFull = this.#queue.length >= this.#settings.maxQueue;
    if (!isFull && this.#mayBegin()) {
      this.#begin({ message, full, settle });
      return;
    }
    this.#hold(message, message.count);
    settle(this.#result("held"));
  }

  #mayBegin(): boolean {
    const { clock, limiter } = this.#settings;
    if (this.#isClosing) return true;
    return clock.now() >= this.#pausedUntil && (limiter?.tryAcquire() ?? true);
  }

  #hold(message: Delivery, count: number): void {
    this.#held.add(message, count, this.#settings.clock.now());
    this.#arm();
  }

  /** Looks again when a message may begin. */
  #arm(): void {
    if (this.#isClosing || this.#held.count === 0 || this.#queue.length >= this.#settings.maxQueue) return;
    const { clock, limiter } = this.#settings;
    const now = clock.now();
    const wait = Math.max(0, this.#pausedUntil - now, (limiter?.timeUntilToken() ?? 0) * 1000);
    this.#wake?.cancel();
    // With a rate of 0 there is no next message before the end.
    if (wait === Infinity) return;
    this.#wake = clock.setTimer(() => this.#tellHeld(), wait, { ref: false });
  }

  #tellHeld(): void {
    if (this.#held.count === 0) return;
    if (this.#mayBegin()) this.#begin(undefined);
    else this.#arm();
  }

  /** Queues a message with what is held; or, without one, a message of what is held. */
  #begin(job: Omit<Job, "told"> | undefined): void {
    const { clock } = this.#settings;
    const now = clock.now();
    const told = this.#held.take();
    if (told.count > 0) this.#wake?.cancel();
    if (job !== undefined) {
      this.#queue.push({ ...job, told, message: withTally(job.message, told, now) });
    } else if (told.count > 0) {
      const message = told.message(now, clock.wallNow(), crypto.randomUUID());
      this.#queue.push({ message, full: 0, told, settle() {} });
    }
    if (this.#queue.length === 0 || this.#work !== undefined) return;
    this.#work = this.#run();
  }

  async #run(): Promise<void> {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      await this.#deliver(job);
      this.#arm();
    }
    this.#work = undefined;
  }

  async #deliver(job: Job): Promise<void> {
    const { message, full, settle } = job;
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
      this.#notDelivered(job, error);
    }
  }

  #notDelivered({ message, full, told, settle }: Job, error: unknown): void {
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
      const counted = message.count - told.count - failed;
      if (counted > 0) this.#held.add(message, counted, clock.now());
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

function isRetryable(reason: unknown): boolean {
  return Reflect.get(Object(reason), "retryable") !== false;
}
