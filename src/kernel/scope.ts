import type { InnerScope } from "./abort.js";
import { inThisContext } from "./async-context.js";

/**
 * Aborts an execution like an `AbortController`, at a hundredth of the cost: the signal is created only when it is
 * read.
 */
export class Scope implements InnerScope {
  aborted = false;
  reason: unknown = undefined;
  #runs: Set<() => void> | undefined;
  #controller: AbortController | undefined;
  /** Tells the listeners of the signal in the context of who has read it. */
  #tell: ReturnType<typeof inThisContext> | undefined;

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
    this.#tell?.(() => this.#controller?.abort(reason));
    const runs = this.#runs ?? [];
    this.#runs = undefined;
    for (const run of runs) run();
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#tell = inThisContext();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }
}
