/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export type { HostStats, HttpClient, HttpClientEvents, HttpClientSnapshot } from "./client/client.js";
export { HttpStatusError } from "./client/errors.js";
export type { Fetch, HttpClientOptions, ResilientFetchOptions } from "./client/options.js";
export {
  resilienceInterceptor,
  type ResilienceInterceptor,
  type ResilienceInterceptorOptions,
} from "./client/interceptor.js";
export { resilientFetch, type ResilientFetch } from "./client/resilient-fetch.js";
export type { ProxyHeader, TrustProxy } from "./server/forwarded.js";
export {
  type LimitedRequest,
  type LimitRequest,
  limitRequest,
  type RequestInfo,
} from "./server/limit-request.js";
export type { HeaderForm, RateLimitOptions, RequestLimit } from "./server/options.js";
export type { DescribeRefusal, RefusalContent, RefusalFacts } from "./server/refusal.js";
export type { Eventually, RequestLimiter, RequestReservation } from "./server/request-limiter.js";
export { rateLimit } from "./server/rate-limit.js";
export type { Middleware, Next, NodeRequest, NodeResponse } from "./server/requests.js";
export type { Field } from "./server/response-fields.js";
export { shedLoad } from "./server/shed-load.js";
export type { ConcurrencyLimiter, ShedLoadOptions } from "./server/shedding.js";
export {
  parsePolicy,
  parseRateLimit,
  type RateLimitItem,
  type RateLimitPolicy,
  writePolicy,
  writeRateLimit,
} from "./fields.js";
