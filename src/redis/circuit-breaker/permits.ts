import type { Circuit } from "../../circuit-breaker/circuit.js";
import type { HalfOpen, Limits, Ticket } from "../../circuit-breaker/machine.js";
import { type CallPermit, permitOf } from "../../circuit-breaker/permit.js";
import type { Probe } from "../../circuit-breaker/probes.js";
import type { Clock } from "../../kernel/clock.js";
import type { Operation } from "./circuit-store.js";
import { HeldProbes } from "./held-probes.js";
import type { Reply } from "./told.js";
import { Turns } from "./turns.js";

/** Runs an operation on the circuit in the store; `undefined` when it does not answer. Does not reject. */
export type Run = (
  operation: Operation,
  words?: readonly (string | number)[],
  late?: (reply: Reply) => void,
) => Promise<Reply | undefined>;

/** Gives permits back; does not reject. */
export type Release = (ids: readonly string[]) => Promise<void>;

/** The half-open permits of this instance, which the store gives. */
export class Permits {
  readonly #run: Run;
  readonly #instance: string;
  readonly #turns: Turns;
  readonly #probes: HeldProbes;
  /** The id of the permit for the call that is admitted next, in the same tick. */
  #granted: string | undefined;
  #count = 0;
  /** Permits that nobody uses and that the store has not taken back. */
  readonly #owed: string[] = [];
  readonly #asks = new Set<Promise<unknown>>();
  /** Gives permits back once this is closed. */
  #release: Release | undefined;
  readonly #returning: Promise<void>[] = [];

  /** @param isDue whether the store is to be asked for a permit. */
  constructor(
    { clock, lease, instance }: { clock: Clock; lease: number; instance: string },
    run: Run,
    isDue: () => boolean,
    most: () => number,
  ) {
    this.#run = run;
    this.#instance = instance;
    this.#turns = new Turns((wanted) => this.#ask(Math.min(wanted, most())), isDue);
    this.#probes = new HeldProbes(clock, lease, (ids) => void run("renew", ids));
  }

  /** The permit of one more call, for which the store is asked; `undefined` when it is refused. */
  async take(circuit: Circuit): Promise<CallPermit | undefined> {
    const id = await this.#turns.take();
    this.#granted = id;
    try {
      return permitOf(circuit);
    } finally {
      // The circuit has changed meanwhile.
      if (this.#granted !== undefined) void this.giveBack(this.#granted);
      this.#granted = undefined;
    }
  }

  /** The probe of the call that {@link take} lets through; `undefined` for any other. */
  admit(state: HalfOpen, { probeTimeout }: Limits, now: number): Probe | undefined {
    const id = this.#granted;
    if (id === undefined) return undefined;
    this.#granted = undefined;
    const probe = state.probes.add(state.era, now + probeTimeout);
    this.#probes.add(probe, id, probeTimeout);
    return probe;
  }

  /** The id of a probe that settles; `undefined` for a call that needed no permit of the store. */
  settle(ticket: Ticket): string | undefined {
    return ticket.kind === "probe" ? this.#probes.settle(ticket) : undefined;
  }

  /** Gives back what it holds, and what it is given from now on. */
  async close(release: Release): Promise<void> {
    this.#release = release;
    const { ids } = this.#probes;
    this.#probes.clear();
    await Promise.all([this.giveBack(...ids), ...this.#asks]);
    await Promise.all(this.#returning);
  }

  /** Gives back permits that nobody uses, and those that were to be given back while the store was away. */
  async giveBack(...ids: readonly string[]): Promise<void> {
    const all = [...this.#owed.splice(0), ...ids];
    if (all.length === 0) return;
    if (this.#release !== undefined) {
      const returning = this.#release(all);
      this.#returning.push(returning);
      await returning;
    } else if ((await this.#run("settle", ["ignored", ...all])) === undefined) {
      this.#owed.push(...all);
    }
  }

  #ask(wanted: number): Promise<readonly string[]> {
    const asked = this.#askFor(wanted).finally(() => this.#asks.delete(asked));
    this.#asks.add(asked);
    return asked;
  }

  async #askFor(wanted: number): Promise<readonly string[]> {
    const first = this.#count;
    this.#count += wanted;
    const ids = Array.from({ length: wanted }, (_, index) => `${this.#instance}.${first + index}`);
    const reply = await this.#run("admit", [first, wanted], (late) => {
      if (late.result > 0) void this.giveBack(...ids.slice(0, late.result));
    });
    return ids.slice(0, reply?.result ?? 0);
  }
}
