import { onAbort } from "../kernel/abort.js";
import type { Clock } from "../kernel/clock.js";
import { formatDuration } from "../kernel/duration.js";
import { setFairTimer } from "../kernel/fair-timer.js";
import { messageOf } from "../kernel/message-of.js";
import { runAbortable } from "../kernel/policy.js";
import { type HealthCheckFunction, readOutcome } from "./check.js";
import { HealthError } from "./errors.js";
import type { HealthCheckResult } from "./report.js";

/**
 * After this many timeouts a run counts as lost, and another may begin: one promise that never settles, say of a driver
 * whose connection broke, must not make the check fail for ever.
 */
const GIVE_UP = 10;

interface Run {
  readonly result: Promise<HealthCheckResult>;
  /** From this time on another one may begin. */
  readonly lost: number;
}

/** A check and how it is run. */
interface Checked {
  readonly name: string;
  readonly check: HealthCheckFunction;
  /** In milliseconds, for the run that begins now. */
  readonly timeout: () => number;
  readonly clock: Clock;
  /** Ends every run when it aborts. */
  readonly stop: AbortSignal;
}

/**
 * One check and its current run, which all probes at the same time share: while a database hangs, no probe adds a query.
 * After a run has timed out, later probes get its failure at once, until it ends or counts as lost.
 */
export class CheckRun {
  readonly #checked: Checked;
  #run: Run | undefined;

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  /** Runs the check or joins the current run; resolves within the timeout and never rejects. */
  result(): Promise<HealthCheckResult> {
    const now = this.#checked.clock.now();
    if (this.#run === undefined || now >= this.#run.lost) {
      const timeout = this.#checked.timeout();
      const run: Run = {
        // Later, when #run is set: a check that asks for its own report waits for itself and times out.
        result: Promise.resolve().then(() => this.#ask(timeout, () => this.#end(run))),
        lost: now + timeout * GIVE_UP,
      };
      this.#run = run;
    }
    return this.#run.result;
  }

  #end(run: Run): void {
    if (this.#run === run) this.#run = undefined;
  }

  async #ask(timeout: number, ended: () => void): Promise<HealthCheckResult> {
    const { name, check, clock, stop } = this.#checked;
    const began = clock.now();
    const controller = new AbortController();
    const { signal } = controller;
    const late = `${name} did not answer within ${formatDuration(timeout / 1000)}.`;
    const timer = setFairTimer(
      clock,
      () => controller.abort(new HealthError("ERR_HEALTH_CHECK_TIMEOUT", late)),
      timeout,
    );
    const leave = onAbort(stop, () => controller.abort(stop.reason));
    const call = async (): Promise<unknown> => {
      try {
        stop.throwIfAborted();
        return await check({ signal });
      } finally {
        ended();
      }
    };
    let outcome: Pick<HealthCheckResult, "ok" | "message" | "details">;
    try {
      outcome = readOutcome(await runAbortable(call, signal));
    } catch (error) {
      outcome = { ok: false, message: messageOf(error) };
    } finally {
      timer.cancel();
      leave();
    }
    const { ok, ...rest } = outcome;
    return Object.freeze({ name, ok, seconds: (clock.now() - began) / 1000, ...rest });
  }
}
