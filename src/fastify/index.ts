export * from "../kernel/exports.js";
export { type FastifyRouteRateLimit, rateLimit } from "./rate-limit.js";
export type { FastifyLimitedReply, FastifyLimitedRequest, FastifyLimitedServer } from "./server.js";
export { shedLoad } from "./shed-load.js";
