import type { Clock } from "../../kernel/clock.js";
import type { Holds } from "./holds.js";
import type { LeaseLimits } from "./lease.js";
import type { Refusals } from "./refusals.js";
import type { SharedRequest } from "./shared-queue.js";
import type { TakeBatch } from "./take-batch.js";
import type { TieredCost, TieredLimits } from "./tiered-limits.js";

/** What was taken from the store, and can be given back to it. */
export interface Grant {
  readonly id: string;
  readonly keys: readonly string[];
  readonly cost: TieredCost;
  readonly marks: readonly string[];
}

/** A request for a shared bucket. */
export type Request = SharedRequest<Grant>;

/** What the buckets of one limiter share. */
export interface BucketParts {
  readonly clock: Clock;
  readonly batch: TakeBatch;
  readonly refusals: Refusals;
  readonly lease: LeaseLimits | undefined;
  readonly maxQueue: number | undefined;
  readonly limits: TieredLimits;
  readonly holds: Holds;
  /** Whether holds that are known here count for what the store does not decide. */
  readonly keepsHolds: boolean;
  giveBack(grant: Grant, count: number): void;
  /** A pause or a block of this process was ended by another. */
  resumed(id: string): void;
  /** Decides without the store; returns whether it has admitted the request at once. */
  decideAlone(id: string, request: Request, error: unknown): boolean;
  /** The bucket has nothing to remember. */
  idle(id: string, bucket: object): void;
}

/** What was used beyond a reservation: taken as soon as it is there, whoever is refused meanwhile. */
export function debtOf(cost: number, since: number, granted: () => void): Request {
  const over = (): void => {};
  return {
    cost,
    since,
    deadline: Infinity,
    waits: true,
    signal: undefined,
    granted,
    refused: over,
    failed: over,
    isDebt: true,
    isAsked: false,
    isOver: false,
  };
}
