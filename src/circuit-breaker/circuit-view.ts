import type { Actor } from "../kernel/actor.js";
import type { Component } from "../kernel/component.js";
import type { Listener } from "../kernel/events.js";
import { Printed } from "../kernel/printed.js";
import type { Circuit } from "./circuit.js";
import type { CircuitMode } from "./options.js";
import type { CircuitBreakerEvents, CircuitSnapshot, CircuitState, CircuitStats } from "./report.js";

/** The readable properties of a circuit breaker. */
export abstract class CircuitView extends Printed implements Component {
  readonly #circuit: Circuit;

  constructor(circuit: Circuit) {
    super();
    this.#circuit = circuit;
  }

  get name(): string {
    return this.#circuit.name;
  }

  /** @internal */
  get actsAs(): readonly Actor[] {
    return [{ kind: "circuit breaker", name: this.name, seconds: 0 }];
  }

  /** Consecutive failures that open the circuit; not used with a `trip` rule. */
  get maxFailures(): number {
    return this.#circuit.limits.maxFailures;
  }

  /** Seconds the circuit stays open before it lets probes through; `initial` if it grows; 60 if it is a function. */
  get resetTimeout(): number {
    return this.#circuit.resetTimeout;
  }

  /** Calls admitted while half-open, and successes needed to close. */
  get halfOpenMaxCalls(): number {
    return this.#circuit.limits.halfOpenMaxCalls;
  }

  /** Seconds after which a probe that has not settled counts as failed. */
  get probeTimeout(): number {
    return this.#circuit.limits.probeTimeout / 1000;
  }

  /** What the circuit does with calls now. Reading it makes an open circuit half-open when its time is over. */
  get state(): CircuitState {
    return this.#circuit.now().kind;
  }

  /** Whether the circuit refuses calls, only observes, or is off; see `mode` of {@link CircuitBreakerOptions}. */
  get mode(): CircuitMode {
    return this.#circuit.mode;
  }

  /**
   * Failures that count against the circuit: in a row since the last success, those that opened it while it is
   * not closed, or with a rate rule what the rule counts in its window.
   */
  get failureCount(): number {
    return this.#circuit.failureCount;
  }

  /** A frozen copy of the lifetime totals. */
  get stats(): CircuitStats {
    return this.#circuit.stats();
  }

  /** The current state: frozen, JSON-serialisable. */
  snapshot(): CircuitSnapshot {
    const { name, state, mode, failureCount, stats } = this;
    const remainingSeconds = state === "open" ? this.#circuit.remainingSeconds : null;
    return Object.freeze({
      kind: "circuit-breaker",
      name,
      state,
      mode,
      failureCount,
      remainingSeconds,
      stats,
    });
  }

  /**
   * Adds a listener of an event; disposing of the result removes it. It runs after the state is committed; what it throws becomes a warning and changes nothing.
   *
   * @throws TypeError for an unknown event or a listener that is not a function.
   */
  on<Name extends keyof CircuitBreakerEvents>(
    event: Name,
    listener: Listener<CircuitBreakerEvents[Name]>,
  ): Disposable {
    return this.#circuit.events.on(event, listener);
  }
}
