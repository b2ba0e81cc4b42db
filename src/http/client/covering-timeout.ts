import type { Actor } from "../../kernel/actor.js";
import {
  type Context,
  type ExecuteOptions,
  type ExecutionContext,
  readContext,
} from "../../kernel/context.js";
import type { Component } from "../../kernel/component.js";
import type { Policy } from "../../kernel/policy.js";
import { AS_IS, type Continuation, DIRECT, type Inside, type Start, tellStart } from "../../kernel/stage.js";
import type { Timeout, TimeoutSnapshot, TimeoutStats } from "../../policies/timeout/timeout.js";
import { whileRead } from "./body.js";
import { HttpStatusError } from "./errors.js";

/** The response that a call ends with: the result, or that of an error. */
function responseOf(end: unknown): object | undefined {
  const response = end instanceof HttpStatusError ? end.response : end;
  return typeof response === "object" && response !== null ? response : undefined;
}

/** A timeout of the whole call that also covers the reading of the body, for which the caller is not kept waiting. */
export class CoveringTimeout implements Policy, Component {
  readonly #timeout: Timeout;
  readonly #startTimed: Start;

  constructor(timeout: Timeout, startTimed: Start) {
    this.#timeout = timeout;
    this.#startTimed = startTimed;
    tellStart(this, (inside, fn, context, next) => this.#start(inside, fn, context, next));
  }

  get name(): string {
    return this.#timeout.name;
  }

  /** @internal */
  get actsAs(): readonly Actor[] {
    return this.#timeout.actsAs;
  }

  get stats(): TimeoutStats {
    return this.#timeout.stats;
  }

  snapshot(): TimeoutSnapshot {
    return this.#timeout.snapshot();
  }

  get on(): Timeout["on"] {
    return this.#timeout.on.bind(this.#timeout);
  }

  execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: ExecuteOptions,
  ): Promise<Result> {
    return this.#start(DIRECT, fn, readContext("execute", options), AS_IS) as Promise<Result>;
  }

  #start(inside: Inside, fn: Parameters<Start>[1], context: Context, next: Continuation): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const settle = (go: (end: unknown) => unknown, end: unknown): void => {
        if (isSettled) return;
        isSettled = true;
        try {
          resolve(go(end));
        } catch (error) {
          reject(error);
        }
      };
      const fulfilled = (value: unknown): unknown => next.fulfilled(value);
      const rejected = (reason: unknown): unknown => next.rejected(reason);
      // What is inside goes on until the body is read; the caller gets the response before.
      const covered: Inside = {
        start(work, inner, timed) {
          const read = (end: unknown): void => {
            const response = responseOf(end);
            const isOver = (): unknown => timed.fulfilled(undefined);
            if (response === undefined || !whileRead(response, inner.source, isOver)) isOver();
          };
          return inside.start(work, inner, {
            fulfilled(value) {
              settle(fulfilled, value);
              read(value);
            },
            rejected(reason) {
              settle(rejected, reason);
              read(reason);
            },
          });
        },
      };
      const timedOut = {
        fulfilled: () => undefined,
        rejected: (reason: unknown) => settle(rejected, reason),
      };
      this.#startTimed(covered, fn, context, timedOut);
    });
  }
}
