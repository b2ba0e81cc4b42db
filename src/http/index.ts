/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export { HttpStatusError } from "./client/errors.js";
export type { HostStats } from "./client/host.js";
export type { Fetch, HttpClientOptions, ResilientFetchOptions } from "./client/options.js";
export {
  resilienceInterceptor,
  type ResilienceInterceptor,
  type ResilienceInterceptorOptions,
} from "./client/interceptor.js";
export { resilientFetch, type ResilientFetch } from "./client/resilient-fetch.js";
export {
  parsePolicy,
  parseRateLimit,
  type RateLimitItem,
  type RateLimitPolicy,
  writePolicy,
  writeRateLimit,
} from "./fields.js";
