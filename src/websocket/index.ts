/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export { WebSocketManagerError, type WebSocketErrorCode } from "./errors.js";
export type {
  DisconnectInfo,
  DisconnectReason,
  WebSocketManagerEvents,
  WebSocketSnapshot,
  WebSocketState,
  WebSocketStats,
} from "./events.js";
export type {
  BoundaryTrigger,
  ConnectionOptions,
  PingOptions,
  ProactiveOptions,
  QueueOptions,
  ReconnectInfo,
  ReconnectOptions,
  WebSocketManagerOptions,
  WebSocketPreset,
} from "./options.js";
export type { WebSocketConstructor, WebSocketData, WebSocketMessage } from "./socket.js";
export { type WaitOptions, WebSocketManager } from "./websocket-manager.js";
