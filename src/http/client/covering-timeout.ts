import type { Context, ExecuteOptions, ExecutionContext } from "../../kernel/context.js";
import type { Policy } from "../../kernel/policy.js";
import type { Timeout, TimeoutSnapshot, TimeoutStats } from "../../policies/timeout/timeout.js";
import { whileRead } from "./body.js";
import { HttpStatusError } from "./errors.js";

/** The response that a call ends with: a result, or the one of an error. */
function responseOf(end: unknown): Response | undefined {
  if (end instanceof HttpStatusError) return end.response as Response;
  return typeof end === "object" && end !== null && "headers" in end ? (end as Response) : undefined;
}

/** A timeout of the whole call that also covers the reading of the body, for which the caller is not kept waiting. */
export class CoveringTimeout implements Policy {
  readonly #timeout: Timeout;

  constructor(timeout: Timeout) {
    this.#timeout = timeout;
  }

  get name(): string {
    return this.#timeout.name;
  }

  get stats(): TimeoutStats {
    return this.#timeout.stats;
  }

  snapshot(): TimeoutSnapshot {
    return this.#timeout.snapshot();
  }

  execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: ExecuteOptions,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const read = async (...[context]: [ExecutionContext]): Promise<void> => {
        let end: unknown;
        try {
          const result = await fn(context);
          resolve(result);
          end = result;
        } catch (error) {
          reject(error);
          end = error;
        }
        const response = responseOf(end);
        if (response !== undefined) await whileRead(response, (context as Context).source);
      };
      // Once the caller has a response, its body tells that the time is over.
      this.#timeout.execute(read, options).catch(reject);
    });
  }
}
