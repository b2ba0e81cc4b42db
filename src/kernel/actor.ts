/** A policy, as far as timeouts around it or inside it can keep it from acting: what its `actsAs` has; a pipeline has several. */
export interface Actor {
  readonly kind: "timeout" | "circuit breaker" | "retry" | "hedge" | "other";
  readonly name: string;
  /** Of a timeout: how long. Of a retry or a hedge: its shortest delay. Of others: 0. */
  readonly seconds: number;
}
