import { Circuit } from "../../circuit-breaker/circuit.js";
import { alone, type Decisions } from "../../circuit-breaker/decisions.js";
import type { Limits, State, Ticket } from "../../circuit-breaker/machine.js";
import { type CallPermit, permitOf } from "../../circuit-breaker/permit.js";
import type { Probe } from "../../circuit-breaker/probes.js";
import type { Rule } from "../../circuit-breaker/trip-rule.js";
import type { Verdict } from "../../kernel/judge.js";
import { Store } from "../store/store.js";
import { adopted, type Under } from "./adopted.js";
import { CircuitStore, microseconds, wordsOf } from "./circuit-store.js";
import { Failures } from "./failures.js";
import { Freshness } from "./freshness.js";
import { Knowledge } from "./knowledge.js";
import { type Known, merge } from "./merge.js";
import { Permits, type Run } from "./permits.js";
import type { SharedSettings } from "./options.js";
import { SharedWindows } from "./shared-windows.js";
import { messageOf, type Reply, type Told } from "./told.js";

const underOf = (state: State): Under => (state.kind === "isolated" ? state.under : state);

/**
 * The circuit of one instance, which decides as all instances have agreed in the store, and alone while the store does
 * not answer. What the store tells is taken over by {@link merge}.
 */
export class SharedCircuit implements Decisions {
  readonly circuit: Circuit;
  /** Whether a call begins without asking: the circuit is closed, or this instance is alone. */
  isFree = false;
  /** Whether the store decides at this moment, rather than this instance alone. */
  isShared = false;
  #isClosed = false;
  /** Settles with the first answer of the store, or when it does not come. */
  readonly #first: Promise<unknown>;
  #isKnown = false;
  /** The circuit's own time from which asking for a permit makes sense. */
  #askAt = 0;
  #isTelling = false;
  /** Others have told something since the last question, while this instance was alone. */
  #hasMissed = false;
  readonly #settings: SharedSettings;
  readonly #knowledge: Knowledge;
  readonly #store: Store;
  readonly #stored: CircuitStore;
  readonly #fresh: Freshness;
  readonly #failures: Failures;
  readonly #permits: Permits;
  readonly #windows: SharedWindows | undefined;

  constructor(settings: SharedSettings, instance: string) {
    const { client, clock, storeTimeout, lease, trip } = settings;
    const store = new Store(client, { storeTimeout, clock });
    this.#store = store;
    this.#settings = settings;
    this.#knowledge = new Knowledge(clock);
    this.#windows = trip && this.#windowsOf(trip, store, instance);
    const rule = this.#windows?.rule;
    this.circuit = new Circuit(rule === undefined ? settings : { ...settings, trip: rule }, this);
    this.#stored = new CircuitStore(store, this.circuit, settings, instance);
    this.#fresh = new Freshness(
      settings,
      (text) => this.#heard(text),
      () => void this.refresh(),
    );
    this.#failures = new Failures(
      (reset, failures) => this.#run("count", [reset ? 1 : 0, failures]),
      () => this.#weigh(),
    );
    this.#permits = new Permits(
      { clock, lease, instance },
      (...given) => this.#run(...given),
      () => this.#isDue,
      () => this.circuit.limits.halfOpenMaxCalls,
    );
    store.on("up", () => void this.refresh());
    this.#first = this.refresh();
  }

  /** The permit of one more call; `undefined` when it is refused. */
  async permit(): Promise<CallPermit | undefined> {
    if (!this.#isKnown) await this.#first;
    if (this.#failures.mayTrip) await this.#failures.written;
    return this.#isDue ? this.#permits.take(this.circuit) : permitOf(this.circuit);
  }

  /** Changes the circuit by hand, for all instances. Rejects with what `apply` throws. */
  async change(apply: () => void, reason: "reset" | "restored"): Promise<void> {
    if (!this.#isKnown) await this.#first;
    apply();
    this.#failures.forget();
    this.#weigh();
    if (this.isShared) await this.#run("put", this.#own(reason));
    else this.#knowledge.decide();
  }

  /** Ends everything in the background. The circuit goes on alone. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#goAlone();
    this.#isClosed = true;
    this.#isKnown = true;
    this.#weigh();
    this.#windows?.close();
    const { era } = this.#knowledge;
    await Promise.all([this.#permits.close((ids) => this.#stored.release(era, ids)), this.#fresh.close()]);
    this.#store[Symbol.dispose]();
  }

  #windowsOf(trip: Rule, store: Store, instance: string): SharedWindows {
    return new SharedWindows(trip, {
      settings: this.#settings,
      instance,
      store,
      now: () => this.circuit.time(),
      era: () => this.#knowledge.era,
      keyOf: () => this.#stored.key,
      isMet: (bad) => void this.#run("trip", [bad]),
      failed: () => this.#goAlone(),
    });
  }

  // The decisions

  elapse(state: State, limits: Limits, now: number): State {
    return this.isShared ? state : this.#knowledge.decided(state, alone.elapse(state, limits, now));
  }

  admit(state: State, limits: Limits, now: number): Ticket | undefined {
    if (!this.isShared) return alone.admit(state, limits, now);
    // A synchronous call cannot ask for a permit.
    return state.kind === "half-open" ? this.#permits.admit(state, limits, now) : undefined;
  }

  settle(state: State, limits: Limits, ticket: Ticket, verdict: Verdict, now: number, took: number): State {
    const id = this.#permits.settle(ticket);
    if (!this.isShared) {
      return this.#knowledge.decided(state, alone.settle(state, limits, ticket, verdict, now, took));
    }
    if (ticket.kind === "probe") {
      // Without an id it was admitted while the store was away: the others know nothing of it.
      if (id !== undefined) this.#settleProbe(state, limits, ticket, id, verdict, took);
      return state;
    }
    if (state.kind !== "closed" || state.era !== ticket.era || verdict === "ignored") return state;
    const failed = verdict === "failure";
    if (state.counter === undefined) {
      const next = this.#failures.count(state, limits, failed);
      this.#weigh();
      return next;
    }
    state.counter.add(failed, took, now);
    this.#windows?.counted();
    return state;
  }

  relimit(state: State, limits: Limits, now: number): State {
    return this.isShared ? state : this.#knowledge.decided(state, alone.relimit(state, limits, now));
  }

  remaining(state: State, now: number): number {
    const isTheirs = this.isShared && (state.kind === "open" || state.kind === "half-open");
    return isTheirs ? Math.max(0, this.#askAt - now) : alone.remaining(state, now);
  }

  #settleProbe(state: State, limits: Limits, probe: Probe, id: string, verdict: Verdict, took: number): void {
    const isSlow = verdict === "success" && limits.trip?.isBad(false, took) === true;
    if (state.kind === "half-open" && state.era === probe.era) {
      state.probes.remove(probe);
      // There is room, or it is decided: the next call hears that after this.
      this.#askAt = -Infinity;
    }
    void this.#run("settle", [isSlow ? "failure" : verdict, id]);
  }

  // What is known

  get #isDue(): boolean {
    const { circuit } = this;
    const { kind } = circuit.now();
    return (
      this.isShared &&
      circuit.mode !== "off" &&
      (kind === "open" || kind === "half-open") &&
      circuit.time() >= this.#askAt
    );
  }

  get #known(): Known {
    return this.#knowledge.of(underOf(this.circuit.now()).kind);
  }

  #weigh(): void {
    const isOpen = underOf(this.circuit.now()).kind !== "closed";
    this.isFree = this.#isKnown && (!this.isShared || (!isOpen && !this.#failures.mayTrip));
  }

  /** Runs an operation and takes over what the store tells. Does not reject. */
  async #run(...[operation, words = [], late]: Parameters<Run>): Promise<Reply | undefined> {
    if (this.#isClosed) return undefined;
    const asked = this.#known;
    const sent = this.#settings.clock.now();
    this.#hasMissed = false;
    const reply = await this.#stored.run(operation, this.#knowledge.era, words, late).catch(() => undefined);
    // It may have been closed meanwhile.
    if (this.#isClosed && reply !== undefined) late?.(reply);
    if (this.#isClosed) return undefined;
    if (reply === undefined) {
      this.#goAlone();
      return undefined;
    }
    this.#knowledge.answered(reply, sent);
    const hasJoined = !this.isShared;
    this.isShared = true;
    this.#isKnown = true;
    this.#fresh.listen(reply.channel);
    this.#take(reply, asked);
    if (reply.hasOpened) this.#extend(reply);
    // What was told may be newer than this answer: it has another connection.
    if (hasJoined && this.#hasMissed) void this.refresh();
    // Calls of the others may have begun to fail meanwhile.
    if (hasJoined) this.#windows?.wake();
    return reply;
  }

  /** The store does not answer: goes on with what is known. */
  #goAlone(): void {
    if (this.#isClosed) return;
    this.isShared = false;
    this.#isKnown = true;
    this.#failures.forget();
    this.#windows?.sleep();
    this.#weigh();
    this.#plan();
  }

  #heard(text: string): void {
    const message = messageOf(text);
    if (!this.isShared) this.#hasMissed = true;
    else if (message === "failing") this.#windows?.wake();
    else if (message !== undefined) this.#take(message, undefined);
  }

  #take(told: Told, asked: Known | undefined): void {
    const known = this.#known;
    const decision = merge(known, told, asked);
    if (decision === "adopt") this.#adopt(told, told.state === known.state && told.era <= known.era);
    if (decision === "tell") void this.#tell();
    this.#weigh();
    this.#plan();
  }

  #adopt(told: Told, isSame: boolean): void {
    const { circuit } = this;
    const state = circuit.now();
    const now = state.kind === "isolated" ? state.since : circuit.time();
    this.#knowledge.adopt(told);
    this.#askAt = now + told.wait;
    if (!isSame) this.#failures.forget();
    const failures = told.failures + this.#failures.unsent;
    const under = adopted({ ...told, failures }, underOf(state), isSame, circuit.limits, now);
    // Before the listeners are told, who may call.
    this.isFree = under.kind === "closed" && !this.#failures.mayTrip;
    circuit.commit(state.kind === "isolated" ? { ...state, era: under.era, under } : under, told.reason);
  }

  /** Tells the store what this instance knows and the store does not. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    await this.#run("tell", this.#own("restored"));
    this.#isTelling = false;
  }

  /** The state of this instance, for the store. */
  #own(reason: string): readonly (string | number)[] {
    // A trip rule counts in its windows.
    return wordsOf(this.circuit.export(), this.#windows === undefined, reason);
  }

  /** The circuit was opened by this instance, whose function says for how long. */
  #extend({ reopenings, reason }: Reply): void {
    const { limits, settings } = this.circuit;
    if (settings.resetTimeout.by === undefined) return;
    void this.#run("extend", [microseconds(limits.openFor(reopenings, reason === "probe-timeout"))]);
  }

  /** Asks for the current state. */
  async refresh(): Promise<void> {
    // Who was alone joins by a write: a store that cannot be written to is of no use.
    await this.#run(this.isShared ? "read" : "join");
    if (this.isShared) void this.#permits.giveBack();
    if (!this.#fresh.isSubscribed) this.#windows?.wake();
  }

  /** What there is to ask depends on the state. */
  #plan(): void {
    const { kind } = underOf(this.circuit.now());
    this.#fresh.plan(this.isShared, kind, this.#askAt - this.circuit.time());
  }
}
