export * from "../kernel/exports.js";
export type { TimeTriggerOptions } from "./options.js";
