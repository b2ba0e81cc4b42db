import type { Meanings } from "../kernel/descriptor.js";

export { section } from "./definitions.js";

export const meanings: Meanings = {
  means: "Where alerts go and how many; read by AlertManager of @kstlib/resilience/alerts.",
  options: {
    channels: {
      means: "the channels by name, each with its type and its options; timeout and max_retries for all",
      example: "{ ops: { type: console } }",
    },
    preset: { means: "defaults for a kind of use: dev, prod or critical_only", example: "prod" },
    minLevel: { means: "the lowest level that channels get" },
    throttle: { means: "how many messages each channel gets; the others are counted in the next" },
    dedupe: { means: "how long equal alerts are one" },
    group: { means: "how long alerts are collected to become one message" },
    timeout: { means: "how long one attempt to deliver may take" },
    maxRetries: { means: "how often a delivery is tried again" },
    maxQueue: { means: "how many messages may wait for a channel" },
  },
};
