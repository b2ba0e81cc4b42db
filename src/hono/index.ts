export * from "../kernel/exports.js";
export type { HonoContext, HonoMiddleware } from "./connection.js";
export { type HonoRateLimitOptions, rateLimit } from "./rate-limit.js";
export { shedLoad } from "./shed-load.js";
