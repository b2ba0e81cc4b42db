import { disposable } from "../kernel/disposable.js";
import { Events, type Listener } from "../kernel/events.js";
import { CircuitBreakerError, CircuitOpenError } from "./errors.js";
import { judge, type Verdict } from "./judge.js";
import type { CircuitBreakerSettings } from "./options.js";
import type { CircuitBreakerEvents, CircuitSnapshot, CircuitState, CircuitStateReason } from "./report.js";
import type { Window } from "./trip-rule.js";

interface Handlers {
  readonly fulfilled: <Value>(value: Value) => Value;
  readonly rejected: (error: unknown) => never;
}

/** What an admitted call is known by when it settles. */
export interface Ticket {
  /** Changes at every transition: a call settles only in the era that admitted it. */
  readonly era: number;
  /** When the call began; 0 where nothing depends on it. */
  readonly started: number;
  /** What settles the promise of the call, once it has one. */
  handlers: Handlers | undefined;
}

/**
 * The state of one circuit, what it has counted, and its transitions. Every entrance first brings the state up
 * to the time of now; state is committed before listeners hear of it.
 */
export class Circuit {
  /** Made for the first who listens. */
  events: Events<CircuitBreakerEvents> | undefined;
  readonly #settings: CircuitBreakerSettings;
  readonly #probeTimeout: number;
  readonly #totals = {
    totalCalls: 0,
    successfulCalls: 0,
    failedCalls: 0,
    rejectedCalls: 0,
    ignoredCalls: 0,
    stateChanges: 0,
  };
  #state: CircuitState = "closed";
  #era = 0;
  /** The one ticket of all calls of this era, while the circuit is closed and no call is timed. */
  #shared: Ticket | undefined;
  /** Counted failures since the circuit was last closed and well. */
  #failures = 0;
  /** What a rate rule counts in while the circuit is closed. */
  #window: Window | undefined;
  /** When an open circuit becomes half-open. */
  #until = 0;
  /** How often it has opened since it was last closed. */
  #openings = 0;
  #successes = 0;
  /** The probes under way, in the order of admission, which is also that of their deadlines. */
  readonly #probes = new Set<Ticket>();
  /** The last failure that counted, as an error's options. */
  #cause: ErrorOptions | undefined;
  #holds = 0;
  /** What an isolated circuit becomes when it is released. */
  #under: CircuitState = "closed";
  /** The time at which an isolated circuit stands still. */
  #heldAt = 0;
  /** Milliseconds for which it has stood still. */
  #paused = 0;

  constructor(settings: CircuitBreakerSettings) {
    this.#settings = settings;
    this.#probeTimeout = settings.probeTimeout ?? settings.resetTimeout.initial;
    this.reset();
  }

  /** The state of now, after the transitions that time has caused since somebody last asked. */
  now(): CircuitState {
    // Each takes effect at its own time, so that looking late or often changes nothing.
    while (this.#state !== "closed") {
      const deadline = this.#deadline();
      if (deadline === undefined || this.#time() < deadline) break;
      if (this.#state === "open") {
        this.#successes = 0;
        this.#enter("half-open", "reset-timeout");
      } else {
        const message = `a probe of circuit "${this.#settings.name}" did not settle within ${this.#probeTimeout / 1000} s`;
        this.#cause = { cause: new CircuitBreakerError("ERR_PROBE_TIMEOUT", message) };
        this.#failures++;
        this.#open(deadline, "probe-timeout");
      }
    }
    return this.#state;
  }

  snapshot(): CircuitSnapshot {
    const state = this.now();
    this.#window?.forget(this.#time());
    return Object.freeze({
      kind: "circuit-breaker",
      name: this.#settings.name,
      state,
      failureCount: this.#window?.bad ?? this.#failures,
      remainingSeconds: state === "open" ? this.#remainingSeconds() : null,
      stats: Object.freeze({ ...this.#totals }),
    });
  }

  isolate(): Disposable {
    const state = this.now();
    if (this.#holds++ === 0) {
      this.#heldAt = this.#time();
      this.#under = state;
      this.#enter("isolated", "isolated");
    }
    return disposable(() => {
      if (--this.#holds > 0) return;
      this.#paused = this.#settings.clock.now() - this.#heldAt;
      this.#enter(this.#under, "released");
    });
  }

  reset(): void {
    this.now();
    this.#cause = undefined;
    this.#close("reset");
  }

  on<Name extends keyof CircuitBreakerEvents>(
    event: Name,
    listener: Listener<CircuitBreakerEvents[Name]>,
  ): Disposable {
    this.events ??= new Events(`circuit "${this.#settings.name}"`, [
      "stateChange",
      "success",
      "failure",
      "rejected",
    ]);
    return this.events.on(event, listener);
  }

  /** Counts a call that its caller gave up before it began. */
  ignore(): void {
    this.#totals.totalCalls++;
    this.#totals.ignoredCalls++;
  }

  /** Counts a call and admits it, or returns `undefined` when it is refused. */
  admit(): Ticket | undefined {
    this.#totals.totalCalls++;
    return this.#shared ?? this.#admitNow();
  }

  #admitNow(): Ticket | undefined {
    const state = this.now();
    const room = this.#settings.halfOpenMaxCalls - this.#successes - this.#probes.size;
    if (state !== "closed" && !(state === "half-open" && room > 0)) {
      this.#totals.rejectedCalls++;
      return undefined;
    }
    const ticket = { era: this.#era, started: this.#time(), handlers: undefined };
    if (state === "half-open") this.#probes.add(ticket);
    return ticket;
  }

  /** The error of a refused call; tells the listeners. */
  refusal(): CircuitOpenError {
    const condition = this.#state === "half-open" ? "half-open with all its probes under way" : this.#state;
    const error = new CircuitOpenError(this.#settings.name, this.#remainingSeconds(), condition, this.#cause);
    this.events?.emit("rejected", { error });
    return error;
  }

  /** A call came to an end; the predicates judge how. */
  settled(ticket: Ticket, fulfilled: boolean, value: unknown): void {
    if (
      fulfilled &&
      ticket === this.#shared &&
      this.#failures === 0 &&
      this.#settings.isFailure === undefined &&
      this.events === undefined
    ) {
      // Nobody judges or listens: a success of a healthy circuit only has to be counted.
      this.#totals.successfulCalls++;
      return;
    }
    this.count(ticket, judge(this.#settings, fulfilled, value), value);
  }

  /** Counts a verdict and makes the transition it causes, if the era of its call is still on. */
  count(ticket: Ticket, verdict: Verdict, value?: unknown): void {
    this.now();
    this.#totals[verdict]++;
    // A call admitted in an earlier era says nothing about this one.
    const late = ticket.era !== this.#era;
    if (!late) this.#probes.delete(ticket);
    if (verdict === "ignoredCalls") return;
    const failed = verdict === "failedCalls";
    if (!late) {
      if (failed) this.#cause = { cause: value };
      this.#settle(ticket, failed);
    }
    if (failed) this.events?.emit("failure", { error: value, late });
    else this.events?.emit("success", { value, late });
  }

  /** Seconds until a refused call may be admitted, as far as the state tells. */
  #remainingSeconds(): number {
    if (this.#state === "isolated") return Infinity;
    const now = this.#time();
    return Math.max(0, (this.#deadline() ?? now) - now) / 1000;
  }

  /** What the end of a call of this era, closed or half-open, does to the circuit. */
  #settle({ started }: Ticket, failed: boolean): void {
    const { trip, maxFailures, halfOpenMaxCalls } = this.#settings;
    const window = this.#window;
    if (this.#state === "half-open") {
      const now = this.#time();
      // A probe that is too slow for a slow-call rule shows that nothing has recovered.
      if (failed || trip?.isBad(failed, now - started)) {
        this.#failures++;
        this.#open(now, "probe-failed");
      } else if (++this.#successes >= halfOpenMaxCalls) this.#close("recovered");
    } else if (trip !== undefined && window !== undefined) {
      const now = this.#time();
      window.add(trip.isBad(failed, now - started), now);
      if (window.total < trip.minCalls || window.bad / window.total < trip.threshold) return;
      this.#failures = window.bad;
      this.#open(now, "tripped");
    } else if (!failed) this.#failures = 0;
    else if (++this.#failures >= maxFailures) this.#open(this.#time(), "tripped");
  }

  #open(at: number, reason: CircuitStateReason): void {
    const { initial, factor, max } = this.#settings.resetTimeout;
    this.#until = at + Math.min(max, initial * factor ** this.#openings++);
    this.#window = undefined;
    this.#enter("open", reason);
  }

  #close(reason: CircuitStateReason): void {
    this.#failures = 0;
    this.#openings = 0;
    this.#window = this.#settings.trip?.newWindow();
    if (this.#state === "isolated") this.#under = "closed";
    else this.#enter("closed", reason);
  }

  /** Starts an era, also from a state to itself. */
  #enter(to: CircuitState, reason: CircuitStateReason): void {
    const from = this.#state;
    this.#state = to;
    this.#era++;
    this.#probes.clear();
    const untimed = to === "closed" && this.#settings.trip === undefined;
    this.#shared = untimed ? { era: this.#era, started: 0, handlers: undefined } : undefined;
    if (to === from) return;
    if (to === "closed") this.#cause = undefined;
    this.#totals.stateChanges++;
    this.events?.emit("stateChange", { from, to, reason });
  }

  /** When time will change the state: an open circuit's end, or that of the earliest probe. */
  #deadline(): number | undefined {
    if (this.#state === "open") return this.#until;
    const [first] = this.#probes;
    return first && first.started + this.#probeTimeout;
  }

  /** The circuit's own time in milliseconds. */
  #time(): number {
    return this.#state === "isolated" ? this.#heldAt : this.#settings.clock.now() - this.#paused;
  }
}
