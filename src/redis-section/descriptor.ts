import { type Meanings, type SectionDescriptor, sectionRules } from "../kernel/descriptor.js";
import { redisRules } from "./options.js";

export const section: SectionDescriptor = { rules: sectionRules(redisRules) };

export const meanings: Meanings = {
  means: "Where the limits and circuits are that many processes share; read by useRedis.",
  options: {
    url: { means: "the address of the server", example: "redis://localhost:6379" },
    client: { means: "the name of a client given in code; counts before url", example: "main" },
    keyPrefix: { means: "what precedes each key" },
    storeTimeout: { means: "how long an answer is waited for" },
  },
};
