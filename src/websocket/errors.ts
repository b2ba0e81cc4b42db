import { brandError, ResilienceError } from "../kernel/errors.js";

/** The codes of {@link WebSocketManagerError}. */
export type WebSocketErrorCode =
  | "ERR_WEBSOCKET_UNAVAILABLE"
  | "ERR_WEBSOCKET_CONNECT"
  | "ERR_WEBSOCKET_GAVE_UP"
  | "ERR_WEBSOCKET_DISCONNECTED"
  | "ERR_WEBSOCKET_CLOSED"
  | "ERR_WEBSOCKET_QUEUE_FULL";

/**
 * An operation of a `WebSocketManager` failed. `code`: `ERR_WEBSOCKET_UNAVAILABLE` (the runtime has no `WebSocket` and
 * `ws` is not installed), `ERR_WEBSOCKET_CONNECT` (an attempt to connect failed; `cause` says why), `ERR_WEBSOCKET_GAVE_UP`
 * (there will be no further attempt), `ERR_WEBSOCKET_DISCONNECTED` (`connect()` was not called, or `requestDisconnect()`
 * was), `ERR_WEBSOCKET_CLOSED` (after `close()`), `ERR_WEBSOCKET_QUEUE_FULL` (too much waits to be sent).
 *
 * No message contains the URL, which may have a secret in it.
 */
export class WebSocketManagerError extends ResilienceError {
  declare readonly code: WebSocketErrorCode;
  /** The HTTP status that refused the handshake, where the socket tells it: `ws` does. */
  readonly status: number | undefined;

  /** Seconds that its `Retry-After` asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(
    code: WebSocketErrorCode,
    message: string,
    options: ErrorOptions & { status?: number | undefined; retryAfter?: number | undefined } = {},
  ) {
    super(code, message, options);
    this.status = options.status;
    this.retryAfter = options.retryAfter;
  }
}
brandError(WebSocketManagerError, "WebSocketManagerError");
