import type { InnerScope } from "./abort.js";
import { asyncContext, runIn } from "./async-context.js";

/**
 * Aborts an execution like an `AbortController`, at a hundredth of the cost: the signal is created only when it is
 * read.
 */
export class Scope implements InnerScope {
  aborted = false;
  reason: unknown = undefined;
  #runs: Set<() => void> | undefined;
  #controller: AbortController | undefined;
  /** Of who has read the signal: its listeners are told in it. */
  #reader: ReturnType<typeof asyncContext>;

  onAbort(run: () => void): () => void {
    const runs = (this.#runs ??= new Set());
    runs.add(run);
    return () => {
      runs.delete(run);
    };
  }

  /** Ends the execution, once. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const controller = this.#controller;
    if (controller !== undefined) runIn(this.#reader, () => controller.abort(reason));
    const runs = this.#runs ?? [];
    this.#runs = undefined;
    for (const run of runs) run();
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#reader = asyncContext();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }
}
