import { onAbort } from "../kernel/abort.js";
import type { Clock } from "../kernel/clock.js";
import { formatDuration } from "../kernel/duration.js";
import { messageOf } from "../kernel/message-of.js";
import { runAbortable } from "../kernel/policy.js";
import { ShutdownError } from "./errors.js";
import { type HealthCheckFunction, readOutcome } from "./health-check.js";
import type { HealthCheckResult } from "./health-report.js";

/**
 * A run that outlives its time by this factor is taken for lost: a promise that never settles must not keep a
 * check failing for ever.
 */
const GIVE_UP = 10;

interface Run {
  readonly result: Promise<HealthCheckResult>;
  /** From then on another one may begin beside it. */
  readonly lost: number;
}

/**
 * A check that all who ask at the same time share: probes that come while a database hangs must not become one
 * more query each. A run that does not end when its time is up is failing at once for those who ask later,
 * until it ends or is taken for lost.
 */
export class CheckRun {
  readonly #name: string;
  readonly #check: HealthCheckFunction;
  readonly #timeout: number;
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
    this.#timeout = timeout;
    this.#clock = clock;
    this.#stop = stop;
  }

  /** Asks the check, or joins in what is being asked; resolves within the timeout, never rejects. */
  result(): Promise<HealthCheckResult> {
    const now = this.#clock.now();
    if (this.#run === undefined || now >= this.#run.lost) {
      const run: Run = {
        // Not at once: a check that asks for the report it is part of joins in, and is late.
        result: Promise.resolve().then(() => this.#ask(() => this.#end(run))),
        lost: now + this.#timeout * GIVE_UP,
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
    const late = `${name} did not answer within ${formatDuration(this.#timeout / 1000)}.`;
    const timer = clock.setTimer(
      () => controller.abort(new ShutdownError("ERR_SHUTDOWN_CHECK_TIMEOUT", late)),
      this.#timeout,
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
