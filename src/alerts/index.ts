export * from "../kernel/exports.js";
export type { Alert, AlertLevel, Delivery } from "./alert.js";
export type { AlertChannel } from "./channel.js";
export { AlertDeliveryError, type DeliveryFailure } from "./errors.js";
export type { AlertManagerOptions } from "./options.js";
export type { SecretSource } from "./channels/secret.js";
export { SlackChannel, type SlackChannelOptions, type SlackFormat } from "./channels/slack-channel.js";
export { WebhookChannel, type WebhookChannelOptions } from "./channels/webhook-channel.js";
