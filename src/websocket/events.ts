import type { Snapshot } from "../kernel/component.js";
import type { WebSocketMessage } from "./socket.js";

/** What a manager does; `disconnected`: not connected yet, disconnected on request, or given up. */
export type WebSocketState =
  | "disconnected"
  | "connecting"
  | "connected"
  | "reconnecting"
  | "closing"
  | "closed";

/**
 * Why a connection ended. Proactive: `closed` by `close()`, `requested` by `requestDisconnect()`, `scheduled` by
 * `proactive`. Reactive: `server-closed`, `network-error`, `ping-timeout`.
 */
export type DisconnectReason =
  | "closed"
  | "requested"
  | "scheduled"
  | "server-closed"
  | "network-error"
  | "ping-timeout";

/** How a connection ended. */
export interface DisconnectInfo {
  readonly reason: DisconnectReason;
  /** The code of the close frame; 1006 without one. */
  readonly code: number;
  /** The text of the server's close frame, or the one given to `requestDisconnect`; may be empty. */
  readonly text: string;
  /** Whether this side ended it on purpose. */
  readonly wasProactive: boolean;
}

/** The events of `WebSocketManager`. */
export interface WebSocketManagerEvents {
  /** A connection is open, and the subscriptions are sent. `isHandover`: the one before it is still open. */
  readonly connect: { readonly connects: number; readonly isHandover: boolean };
  /** A connection has ended. */
  readonly disconnect: DisconnectInfo;
  /** A message has arrived, and was not a double. */
  readonly message: { readonly data: WebSocketMessage };
  /** Another attempt is made after `delay` seconds. */
  readonly reconnecting: { readonly attempt: number; readonly delay: number };
  /**
   * Connected again: what the server sent between `from` and `to` (milliseconds since 1970), `seconds` apart, may be
   * missing. It begins with the last sign of life of the former connection, or with the one before a standstill of the
   * process or the reader.
   */
  readonly gap: { readonly seconds: number; readonly from: number; readonly to: number };
  /** Messages were lost here: `received` ones that nobody read in time, or `queued` ones that can no longer be sent. */
  readonly dropped: { readonly direction: "received" | "queued"; readonly count: number };
  /** An attempt to connect failed. */
  readonly error: Error;
}

/** What has happened since construction. */
export interface WebSocketStats {
  readonly connects: number;
  readonly disconnects: number;
  readonly proactiveDisconnects: number;
  readonly reactiveDisconnects: number;
  readonly failedAttempts: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Bytes; of text, UTF-16 units. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Received messages that another connection had delivered. */
  readonly doubles: number;
  readonly droppedReceived: number;
  readonly droppedQueued: number;
  /** Milliseconds since 1970; `null`: not yet. */
  readonly lastConnectAt: number | null;
  readonly lastDisconnectAt: number | null;
  readonly lastMessageAt: number | null;
}

/** What `WebSocketManager.snapshot` returns. */
export interface WebSocketSnapshot extends Snapshot, WebSocketStats {
  readonly kind: "websocket";
  readonly state: WebSocketState;
  readonly isDead: boolean;
  /** Seconds since the connection was opened; `null` without one. */
  readonly uptime: number | null;
  /** Failed attempts in a row. */
  readonly attempts: number;
  readonly subscriptions: number;
  /** Messages that wait to be read. */
  readonly unread: number;
  /** Messages that wait to be sent. */
  readonly unsent: number;
  readonly lastError: string | null;
}
