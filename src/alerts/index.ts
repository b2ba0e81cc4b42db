export * from "../kernel/exports.js";
export type { Alert, AlertLevel, Delivery } from "./alert.js";
export type { AlertChannel } from "./channel.js";
export { AlertDeliveryError, type DeliveryFailure } from "./errors.js";
export type { AlertManagerOptions } from "./options.js";
