export * from "../kernel/exports.js";
export type { AlertManagerOptions } from "./options.js";
