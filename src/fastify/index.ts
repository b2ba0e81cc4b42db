export * from "../kernel/exports.js";
export type { FastifyRateLimitOptions, FastifyRouteRateLimit, FastifyShedLoadOptions } from "./options.js";
export { rateLimit } from "./rate-limit.js";
export type { FastifyLimitedReply, FastifyLimitedRequest, FastifyLimitedServer } from "./server.js";
export { shedLoad } from "./shed-load.js";
