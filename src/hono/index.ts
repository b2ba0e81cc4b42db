export * from "../kernel/exports.js";
export { type HonoContext, type HonoMiddleware, type HonoRateLimitOptions, rateLimit } from "./rate-limit.js";
