import { onAbort } from "../kernel/abort.js";
import type { Clock } from "../kernel/clock.js";
import { formatDuration } from "../kernel/duration.js";
import { messageOf } from "../kernel/message-of.js";
import { runAbortable } from "../kernel/policy.js";
import { type HealthCheckFunction, readOutcome } from "./check.js";
import { HealthError } from "./errors.js";
import type { HealthCheckResult } from "./report.js";

/**
 * After this many times its timeout a run counts as lost, and another may begin: one promise that never settles, of a
 * driver whose connection broke, must not make the check fail for ever.
 */
const GIVE_UP = 10;

interface Run {
  readonly result: Promise<HealthCheckResult>;
  /** From this time on another one may begin beside it. */
  readonly lost: number;
}

/**
 * One check and its current run, which all who ask at the same time share: while a database hangs, each probe must not
 * add a query. Once a run has timed out, those who ask later get its failure at once, until it ends or counts as lost.
 */
export class CheckRun {
  readonly #name: string;
  readonly #check: HealthCheckFunction;
  /** In milliseconds; a change counts from the next run on. */
  timeout: number;
  readonly #clock: Clock;
  readonly #stop: AbortSignal;
  #run: Run | undefined;

  /**
   * @param timeout in milliseconds.
   * @param stop ends every run when it aborts.
   */
  constructor(name: string, check: HealthCheckFunction, timeout: number, clock: Clock, stop: AbortSignal) {
    this.#name = name;
    this.#check = check;
    this.timeout = timeout;
    this.#clock = clock;
    this.#stop = stop;
  }

  /** Runs the check or joins the current run; resolves within the timeout, never rejects. */
  result(): Promise<HealthCheckResult> {
    const now = this.#clock.now();
    if (this.#run === undefined || now >= this.#run.lost) {
      const run: Run = {
        // Later, when #run is set: a check that asks for its own report joins itself, and times out.
        result: Promise.resolve().then(() => this.#ask(() => this.#end(run))),
        lost: now + this.timeout * GIVE_UP,
      };
      this.#run = run;
    }
    return this.#run.result;
  }

  #end(run: Run): void {
    if (this.#run === run) this.#run = undefined;
  }

  async #ask(ended: () => void): Promise<HealthCheckResult> {
    const name = this.#name;
    const clock = this.#clock;
    const began = clock.now();
    const controller = new AbortController();
    const { signal } = controller;
    const { timeout } = this;
    const late = `${name} did not answer within ${formatDuration(timeout / 1000)}.`;
    const timer = clock.setTimer(
      () => controller.abort(new HealthError("ERR_HEALTH_CHECK_TIMEOUT", late)),
      timeout,
    );
    const stop = this.#stop;
    const leave = onAbort(stop, () => controller.abort(stop.reason));
    const call = async (): Promise<unknown> => {
      try {
        stop.throwIfAborted();
        return await this.#check({ signal });
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
