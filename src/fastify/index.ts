export * from "../kernel/exports.js";
export {
  type FastifyLimitedReply,
  type FastifyLimitedRequest,
  type FastifyLimitedServer,
  rateLimit,
} from "./rate-limit.js";
