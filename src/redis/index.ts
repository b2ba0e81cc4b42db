/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export { SharedCircuitBreaker, type SharedGuarded } from "./circuit-breaker/shared-circuit-breaker.js";
export type { SharedCircuitBreakerOptions } from "./circuit-breaker/options.js";
export { StoreError } from "./store/store-error.js";
