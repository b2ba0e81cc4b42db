import { BasePolicy } from "../../../src/kernel/base-policy.js";
import { ResilienceError } from "../../../src/kernel/errors.js";

/** A policy that refuses every call, as one does that is full. */
export class BulkheadFull extends BasePolicy<object> {
  readonly stats = {};

  constructor() {
    super("full", "full", []);
  }

  snapshot(): { kind: string; name: string } {
    return { kind: "full", name: this.name };
  }

  protected override run(): Promise<never> {
    const error = new ResilienceError("ERR_BULKHEAD_FULL", "full");
    throw Object.assign(error, { refused: true, retryAfter: undefined });
  }
}
