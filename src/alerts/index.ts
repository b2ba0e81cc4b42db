/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export type { Alert, AlertLevel, Delivery } from "./alert.js";
export { AlertManager } from "./alert-manager.js";
export { AlertSender } from "./alert-sender.js";
export type { AddChannelOptions } from "./base-manager.js";
export { alertsFrom, type AlertRules, type ComponentEvent, type EventSource } from "./alerts-from.js";
export type { AlertChannel } from "./channel.js";
export type { ChannelDefinition, ChannelDefinitions } from "./channel-definition.js";
export { AlertDeliveryError, type DeliveryFailure } from "./errors.js";
export type {
  AlertManagerEvents,
  AlertManagerSnapshot,
  AlertManagerStats,
  AlertResult,
  AlertStatus,
  ChannelStats,
} from "./events.js";
export type { AlertManagerOptions, AlertPreset, AlertSenderOptions, AlertsSection } from "./options.js";
export { ConsoleChannel, type ConsoleChannelOptions, type ConsoleLike } from "./channels/console-channel.js";
export { EmailChannel, type EmailChannelOptions } from "./channels/email-channel.js";
export type { Mail, MailServer, MailTransport } from "./channels/mail-server.js";
export type { SecretSource } from "./channels/secret.js";
export { SlackChannel, type SlackChannelOptions, type SlackFormat } from "./channels/slack-channel.js";
export { WebhookChannel, type WebhookChannelOptions } from "./channels/webhook-channel.js";
export type { AlertThrottle } from "./throttle.js";
