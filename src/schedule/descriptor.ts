import type { Meanings } from "../kernel/descriptor.js";

export { section } from "./options.js";

export const meanings: Meanings = {
  means: "Boundaries of the local wall clock; read by TimeTrigger of @kstlib/resilience/schedule.",
  options: {
    every: { means: "the time between two boundaries, from 1m to 7d", example: "4h" },
    timezone: { means: "the time zone whose local time counts" },
    offset: { means: "how much later boundaries are than midnight, or than Monday's midnight" },
  },
};
