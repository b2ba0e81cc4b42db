import { BasePolicy, type Work } from "../../kernel/base-policy.js";
import type { Snapshot } from "../../kernel/component.js";
import { keyOfCall } from "../../kernel/call-key.js";
import { Context, contextFor } from "../../kernel/context.js";
import { resolveOptions } from "../../kernel/options.js";
import { runAbortable } from "../../kernel/policy.js";
import { Scope } from "../../kernel/scope.js";
import { type SingleFlightOptions, singleFlightRules, type SingleFlightSettings } from "./options.js";

/** Totals over the lifetime of a single flight. */
export interface SingleFlightStats {
  readonly totalCalls: number;
  /** Calls that joined an execution under way. */
  readonly joinedCalls: number;
}

/** The state of a single flight at one moment. */
export interface SingleFlightSnapshot extends Snapshot {
  readonly kind: "single-flight";
  /** Executions under way, one for each key. */
  readonly running: number;
  readonly stats: SingleFlightStats;
}

/** The events of a single flight and what their listeners get. */
export interface SingleFlightEvents {
  /** A call joins an execution under way. */
  joined: { readonly callers: number };
}

/** One execution and its callers. */
interface Flight {
  readonly scope: Scope;
  callers: number;
  readonly result: Promise<unknown>;
}

/**
 * Concurrent calls with one key share one execution and its outcome. The work is aborted when its last caller has given
 * up; one that gives up does not affect the others. Once it has settled, the next call starts a new execution: this is
 * not a cache.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { SingleFlight } from "@kstlib/resilience";
 *
 * let asked = 0;
 * const load = new SingleFlight().wrap(async (user: string) => `${user}, question ${++asked}`);
 * const [one, other] = await Promise.all([load("ann"), load("ann")]);
 * console.assert(one === other && asked === 1);
 * ```
 */
export class SingleFlight extends BasePolicy<SingleFlightEvents> {
  readonly #settings: SingleFlightSettings;
  readonly #flights = new Map<string, Flight>();
  #total = 0;
  #joined = 0;

  constructor(options?: SingleFlightOptions) {
    const settings = resolveOptions("SingleFlight", singleFlightRules, options);
    super("single-flight", settings.name, ["joined"]);
    this.#settings = settings;
  }

  /** Executions under way. */
  get running(): number {
    return this.#flights.size;
  }

  get stats(): SingleFlightStats {
    return Object.freeze({ totalCalls: this.#total, joinedCalls: this.#joined });
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): SingleFlightSnapshot {
    const { name, running, stats } = this;
    return Object.freeze({ kind: "single-flight", name, running, stats });
  }

  protected override run<Result>(fn: Work<Result>, context: Context): Promise<Result> {
    this.#total++;
    const key = keyOfCall(context.args, this.#settings.key);
    const found = this.#flights.get(key);
    const flight = found ?? this.#begin(key, fn, context);
    flight.callers++;
    if (found !== undefined) {
      this.#joined++;
      this.events.emit("joined", { callers: flight.callers });
    }
    const { source } = context;
    // Calls with the same key must mean the same work, even if the functions differ.
    const result = flight.result as Promise<Result>;
    if (source === undefined) return result;
    const release = (): void => this.#gone(key, flight, source.reason);
    return runAbortable(() => result, context, { returned() {}, failure() {}, release });
  }

  #begin(key: string, fn: Work<unknown>, { budget, args }: Context): Flight {
    const scope = new Scope();
    let take = (_result: Promise<unknown>): void => {};
    const result = new Promise<unknown>((resolve) => {
      take = resolve;
    });
    const flight: Flight = { scope, callers: 0, result };
    const fly = async (): Promise<unknown> => {
      try {
        const context = new Context(scope, 1, Infinity, budget, args);
        return await fn(contextFor(fn, context));
      } finally {
        this.#end(key, flight);
      }
    };
    // Before the function runs, since it may make a call with the same key.
    this.#flights.set(key, flight);
    take(fly());
    return flight;
  }

  #end(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }

  /** A caller has given up. */
  #gone(key: string, flight: Flight, reason: unknown): void {
    if (--flight.callers > 0) return;
    // The next call must not join work that is being given up.
    this.#end(key, flight);
    flight.scope.abort(reason);
  }
}
