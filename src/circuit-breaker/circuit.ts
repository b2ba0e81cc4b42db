import { disposable } from "../kernel/disposable.js";
import { type Audience, Events } from "../kernel/events.js";
import { judge, type Verdict } from "../kernel/judge.js";
import { changeSettings } from "../kernel/options.js";
import { secondsUntil } from "../kernel/seconds.js";
import { alone, type Decisions } from "./decisions.js";
import { CircuitBreakerError, CircuitOpenError } from "./errors.js";
import { exportOf, savedOf, wallNowOf } from "./export.js";
import { limitsOf, timeOpen } from "./limits.js";
import * as machine from "./machine.js";
import type { State, Ticket } from "./machine.js";
import { type CircuitBreakerChanges, type CircuitBreakerSettings, liveRules } from "./options.js";
import { EVENT_NAMES } from "./events.js";
import type { CircuitBreakerEvents, CircuitExport, CircuitStateReason, CircuitStats } from "./report.js";
import { type Handlers, OBSERVED, OFF, UNTIMED } from "./tickets.js";

/**
 * The shell around the machine: holds its state, reads the clock, keeps the totals and notifies the listeners.
 * Every method first brings the state up to date.
 */
export class Circuit {
  readonly name: string;
  /** Whether the trip rule has a window, and may count slow calls. */
  readonly #timed: boolean;
  /** Kept here for the guard of asynchronous calls. */
  handlers: Handlers | undefined;
  limits: machine.Limits;
  mode: CircuitBreakerSettings["mode"];
  settings: CircuitBreakerSettings;
  /** Names the circuit in messages. */
  readonly #label: string;
  #state: State;
  /** No predicate and no window: a success of a healthy circuit without listeners only has to be counted. */
  readonly #plain: boolean;
  readonly events: Events<CircuitBreakerEvents>;
  readonly #successes: Audience<CircuitBreakerEvents["success"]>;
  readonly #settlements: Audience<CircuitBreakerEvents["settled"]>;
  /** The last failure that counted, as an error's options. */
  #cause: ErrorOptions | undefined;
  /** Milliseconds spent isolated: the circuit's own time stands still meanwhile. */
  #isolated = 0;

  #total = 0;
  #successful = 0;
  #failed = 0;
  #rejected = 0;
  #ignored = 0;
  #wouldReject = 0;
  #stateChanges = 0;
  /** Whether the application's `resetTimeout` function is running. */
  #isAsking = false;
  readonly #decide: Decisions;

  constructor(settings: CircuitBreakerSettings, decide: Decisions = alone) {
    this.settings = settings;
    this.#decide = decide;
    this.limits = limitsOf(settings, (reopenings, isTimeout) => this.#openFor(reopenings, isTimeout));
    this.mode = settings.mode;
    this.name = settings.name;
    this.#label = `circuit "${settings.name}"`;
    this.events = new Events(this.#label, EVENT_NAMES, { kind: "circuit-breaker", name: this.name });
    this.#successes = this.events.of("success");
    this.#settlements = this.events.of("settled");
    this.#timed = settings.trip !== undefined;
    this.#plain = settings.trip === undefined && settings.isFailure === undefined;
    this.#state = machine.closed(0, this.limits);
  }

  /** Seconds; the first one of a reset timeout that grows. */
  get resetTimeout(): number {
    return this.settings.resetTimeout.initial / 1000;
  }

  /** The current state. */
  now(): State {
    this.#catchUp();
    return this.#state;
  }

  get failureCount(): number {
    return machine.failureCount(this.now(), this.#timed ? this.time() : 0);
  }

  get remainingSeconds(): number {
    const now = this.time();
    const about = now + this.#decide.remaining(this.#state, now);
    // So close together, their difference is exact.
    return secondsUntil(about + this.#decide.remaining(this.#state, about), now);
  }

  stats(): CircuitStats {
    this.now();
    return Object.freeze({
      totalCalls: this.#total,
      successfulCalls: this.#successful,
      failedCalls: this.#failed,
      rejectedCalls: this.#rejected,
      ignoredCalls: this.#ignored,
      wouldRejectCalls: this.#wouldReject,
      stateChanges: this.#stateChanges,
      window: machine.figures(this.#state, this.#timed ? this.time() : 0),
    });
  }

  isolate(): Disposable {
    this.commit(machine.isolate(this.now(), this.time()), "isolated");
    return disposable(() => {
      const state = this.#state;
      if (state.kind !== "isolated") return;
      if (state.holds === 1) this.#isolated += this.time() - state.since;
      this.commit(machine.release(state), "released");
    });
  }

  reset(): void {
    const next = machine.reset(this.now(), this.limits);
    this.#cause = undefined;
    this.commit(next, "reset");
  }

  /** Changes the limits and keeps the state. */
  update(changes: CircuitBreakerChanges): void {
    const settings = changeSettings(liveRules, { ...this.settings, mode: this.mode }, changes);
    const state = this.now();
    this.settings = settings;
    this.limits = limitsOf(settings, this.limits.openFor);
    this.mode = settings.mode;
    const next = this.#decide.relimit(state, this.limits, this.time());
    this.commit(next, next.kind === "closed" ? "recovered" : "probe-failed");
  }

  /** The clock's time at which a call starts; {@link UNTIMED} when its duration does not matter. */
  start(): number {
    return this.#timed || this.#settlements.isThere ? this.settings.clock.now() : UNTIMED;
  }

  export(): CircuitExport {
    return exportOf(machine.save(this.now(), this.time()), wallNowOf(this.settings.clock));
  }

  restore(given: unknown): void {
    const saved = savedOf(given, wallNowOf(this.settings.clock));
    this.commit(machine.restore(this.now(), this.limits, saved, this.time()), "restored");
  }

  /** Counts a call that its caller aborted before it began. */
  ignore(reason: unknown): void {
    if (this.mode === "off") return;
    this.#total++;
    this.#ignored++;
    this.#tellIgnored(reason);
    if (this.#settlements.isThere) this.events.emit("settled", { verdict: "ignored", seconds: 0 });
  }

  /** Notifies the listeners of a refusal that is not thrown. */
  announceRefusal(): void {
    // An error with its stack costs microseconds, so it is created only for listeners.
    if (this.events.of("rejected").isThere) this.refusal();
  }

  /** Counts a call and admits it: its ticket, or `undefined` when it is refused. If it throws, nothing is counted. */
  admit(): Ticket | undefined {
    let ticket: Ticket | undefined;
    const state = this.#state;
    if (this.mode === "off") return OFF;
    if (state.kind === "closed") ticket = state;
    else ticket = this.#decide.admit(this.now(), this.limits, this.time()) ?? this.#refuse();
    this.#total++;
    return ticket;
  }

  /** Counts a refusal; a ticket for a call that is only observed. */
  #refuse(): Ticket | undefined {
    if (this.mode === "enforce") {
      this.#rejected++;
      return undefined;
    }
    this.#wouldReject++;
    if (this.events.of("wouldReject").isThere) this.events.emit("wouldReject", { error: this.#error() });
    return OBSERVED;
  }

  /** The error of a refused call; notifies the listeners. */
  refusal(): CircuitOpenError {
    const error = this.#error();
    this.events.emit("rejected", { error });
    return error;
  }

  #error(): CircuitOpenError {
    const state = this.#state;
    const condition = state.kind === "half-open" ? "half-open with all its probes under way" : state.kind;
    return new CircuitOpenError(this.name, this.remainingSeconds, condition, this.#cause);
  }

  /**
   * A call came to an end: fulfilled or not, which the predicates judge, or with a verdict. Counts it and makes
   * the transition it causes, if its era is still on. Never throws, except when the stack is too full to call it.
   */
  settled(ticket: Ticket, started: number, ended: boolean | Verdict, value: unknown): void {
    const state = this.#state;
    if (
      ended === true &&
      started === UNTIMED &&
      this.#plain &&
      !this.#successes.isThere &&
      state.era === ticket.era &&
      state.kind === "closed" &&
      state.failures === 0
    ) {
      this.#successful++;
      return;
    }
    this.#count(ticket, started, ended, value);
  }

  /** Separate, so that the method above is small enough to be inlined. */
  #count(ticket: Ticket, started: number, ended: boolean | Verdict, value: unknown): void {
    if (ticket === OFF) return;
    try {
      const verdict = typeof ended === "boolean" ? judge(this.#label, this.settings, ended, value) : ended;
      const before = this.now();
      const isHeard = started !== UNTIMED && this.#settlements.isThere;
      const now = isHeard || machine.settleNeedsTime(before, this.limits, verdict) ? this.time() : 0;
      // The circuit's own time goes back when an isolation ends.
      const took = now + this.#isolated - started;
      const late = before.era !== ticket.era;
      // Before the change, whose length may depend on it.
      if (verdict === "failure" && !late) this.#cause = { cause: value };
      const next = this.#decide.settle(before, this.limits, ticket, verdict, now, took);
      this.#state = next;
      if (verdict === "ignored") this.#ignored++;
      else if (verdict === "success") this.#successful++;
      else this.#failed++;
      this.#changed(
        before,
        next.kind === "closed" ? "recovered" : before.kind === "closed" ? "tripped" : "probe-failed",
      );
      if (verdict === "success" && this.#successes.isThere) this.events.emit("success", { value, late });
      if (verdict === "failure") this.events.emit("failure", { error: value, late });
      if (verdict === "ignored") this.#tellIgnored(value);
      // A clock may be set back.
      if (isHeard) this.events.emit("settled", { verdict, seconds: Math.max(0, took) / 1000 });
    } catch {
      // The stack is used up, or the clock has thrown: the call is missing in the totals, and what it held of a
      // half-open circuit is free after `probeTimeout`. The caller gets its outcome all the same.
    }
  }

  /** Makes the transitions that time has caused since the last call. */
  #catchUp(): void {
    if (this.#state.kind === "closed" || this.#isAsking) return;
    const now = this.time();
    for (;;) {
      const state = this.#state;
      const next = this.#decide.elapse(state, this.limits, now);
      if (next === state) return;
      this.commit(next, next.kind === "open" ? "probe-timeout" : "reset-timeout");
    }
  }

  /** Takes over a state that was decided on. */
  commit(next: State, reason: CircuitStateReason): void {
    const before = this.#state;
    this.#state = next;
    this.#changed(before, reason);
  }

  /** Counts and announces the change from what was before, if it is one. */
  #changed({ kind: from }: State, reason: CircuitStateReason): void {
    const { kind: to } = this.#state;
    if (to === from) return;
    if (to === "closed") this.#cause = undefined;
    this.#stateChanges++;
    this.events.emit("stateChange", { from, to, reason });
  }

  #tellIgnored(error: unknown): void {
    if (this.events.of("ignored").isThere) this.events.emit("ignored", { error });
  }

  /** Milliseconds that the circuit stays open from now on. */
  #openFor(reopenings: number, isTimeout: boolean): number {
    if (isTimeout) {
      const message = `a probe of ${this.#label} did not settle within ${this.limits.probeTimeout / 1000} s`;
      this.#cause = { cause: new CircuitBreakerError("ERR_PROBE_TIMEOUT", message) };
    }
    this.#isAsking = true;
    try {
      return timeOpen(this.settings, this.#label, { reopenings, cause: this.#cause?.cause });
    } finally {
      this.#isAsking = false;
    }
  }

  /** The circuit's own time in milliseconds. */
  time(): number {
    return this.settings.clock.now() - this.#isolated;
  }
}
