export * from "../kernel/exports.js";
export type { WebSocketManagerOptions } from "./options.js";
