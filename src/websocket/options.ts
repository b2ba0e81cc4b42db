import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import type { SettingsFor } from "../kernel/options.js";
import type { DisconnectInfo } from "./events.js";
import type { WebSocketConstructor, WebSocketData, WebSocketMessage } from "./socket.js";

/** How a lost connection is found. */
export interface PingOptions {
  /** Silence after which a ping is sent. Default 20 s. */
  readonly interval?: Duration | undefined;
  /** How long anything is waited for after a ping. Default 10 s. */
  readonly timeout?: Duration | undefined;
  /**
   * What is sent as a ping where the socket has none of its own, as the web's has not: text or bytes that the server
   * answers. Default: nothing.
   */
  readonly message?: WebSocketData | undefined;
  /** The longest silence of a server that sends something all the time. Default: no bound. */
  readonly maxSilence?: Duration | undefined;
}

/** How a connection is made. */
export interface ConnectionOptions {
  /** How long an attempt may take, the function that gives the URL included. Default 30 s. */
  readonly timeout?: Duration | undefined;
}

/** When the next attempt is made. */
export interface ReconnectOptions {
  /** The cap of the first delay. Default 1 s. */
  readonly delay?: Duration | undefined;
  /** The longest delay. At least `delay`; default 60 s, or `delay` if that is longer. */
  readonly maxDelay?: Duration | undefined;
  /**
   * The cap of the first delay after the server went away (close codes 1001, 1012, 1013, or a line that broke: 1006), so
   * that its clients do not all come back at once. At most `maxDelay`; default two thirds of it. 0: as `delay`.
   */
  readonly spread?: Duration | undefined;
  /** How many attempts in a row may fail before it gives up. Default: any number. */
  readonly maxAttempts?: number | undefined;
  /** How long a connection must last for the delays to begin anew. Default 10 s. */
  readonly resetAfter?: Duration | undefined;
  /**
   * Without a connection for longer than this, `isDead` is true; a wait asked for by `requestDisconnect` does not count.
   * Default: only when it has given up.
   */
  readonly deadAfter?: Duration | undefined;
}

/** How much may wait, in each direction. */
export interface QueueOptions {
  /** Messages. At least 1; default 1,000. */
  readonly size?: number | undefined;
  /** Bytes (of text: UTF-16 units), also in the socket's own buffer. At least 1; default 16,777,216. */
  readonly bytes?: number | undefined;
}

/** Anything that knows when the next connection is planned: a `TimeTrigger`. */
export interface BoundaryTrigger {
  /** The next time, as a date or in milliseconds since 1970. */
  nextBoundary(): Date | number;
}

/** Planned reconnects. */
export interface ProactiveOptions {
  /** How long a connection is used, such as `"23h50m"` where the server ends it after a day. */
  readonly every?: Duration | undefined;
  /** Gives the times in place of `every`. */
  readonly trigger?: BoundaryTrigger | undefined;
  /** Whether the new connection is opened before the old one is closed. Default `true`. */
  readonly handover?: boolean | undefined;
  /** For how long both are open, from the first message on the new one. Default 1 s. */
  readonly overlap?: Duration | undefined;
}

/** What `shouldReconnect` gets. */
export interface ReconnectInfo {
  /** How the connection ended; `undefined` when an attempt failed. */
  readonly disconnect: DisconnectInfo | undefined;
  /** Why the attempt or the connection failed; `undefined` when that was closed, or broke without a word. */
  readonly error: Error | undefined;
  /** The HTTP status that refused the handshake, where the socket tells it: `ws` does. */
  readonly status: number | undefined;
  /** Seconds that its `Retry-After` asks to wait; obeyed up to a day. */
  readonly retryAfter: number | undefined;
  /** The attempt that would be next; the first is 1. */
  readonly attempt: number;
}

/**
 * Defaults for a kind of use; single options count before them. `"trading"`: `ping` 5 s and 3 s, `connection.timeout` 10 s,
 * `reconnect` 0.5 s to 10 s. `"monitoring"`: `ping` 60 s and 30 s, `connection.timeout` 30 s, `reconnect` 5 s to 5 min.
 */
export type WebSocketPreset = "trading" | "monitoring";

/** Options of `WebSocketManager`; the section `websocket` of the configuration gives their defaults. */
export interface WebSocketManagerOptions {
  /** Selects `instances.<name>` in the configuration, and names the connection in messages. Default `"websocket"`. */
  readonly name?: string | undefined;
  /** Defaults for a kind of use. Default none. */
  readonly preset?: WebSocketPreset | undefined;
  /** Subprotocols to offer. Default none. */
  readonly protocols?: string | readonly string[] | undefined;
  /** The constructor of sockets. Default: the global one, or that of `ws`. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Headers of the handshake; browsers have none. Default none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly ping?: PingOptions | undefined;
  readonly connection?: ConnectionOptions | undefined;
  readonly reconnect?: ReconnectOptions | undefined;
  readonly queue?: QueueOptions | undefined;
  /** Planned reconnects: how often, a `TimeTrigger`, or an object. Default none. */
  readonly proactive?: Duration | BoundaryTrigger | ProactiveOptions | undefined;
  /**
   * What identifies a message, so that one that two connections deliver is read once; the last 10,000 are remembered.
   * `undefined` or `NaN`: it is always read.
   * Default: all are.
   */
  readonly messageKey?: ((data: WebSocketMessage) => string | number | undefined) | undefined;
  /** Whether another attempt is made, and how many seconds later at the earliest. Default: always. */
  readonly shouldReconnect?: ((info: ReconnectInfo) => boolean | number) | undefined;
  /** The source of time. Default `realClock`. */
  readonly clock?: Clock | undefined;
  /** Draws the jitter: returns a number from 0 up to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** Checked {@link PingOptions}. */
export type PingSettings = SettingsFor<
  PingOptions,
  { interval: number; timeout: number; message: WebSocketData | undefined; maxSilence: number | undefined }
>;
/** Checked {@link ReconnectOptions}. */
export type ReconnectSettings = SettingsFor<
  ReconnectOptions,
  {
    delay: number;
    maxDelay: number;
    spread: number;
    maxAttempts: number | undefined;
    resetAfter: number;
    deadAfter: number | undefined;
  }
>;
/** Checked {@link QueueOptions}. */
export type QueueSettings = SettingsFor<QueueOptions, { size: number; bytes: number }>;
/** Checked {@link ProactiveOptions}. */
export type ProactiveSettings = SettingsFor<
  ProactiveOptions,
  { every: number | undefined; trigger: BoundaryTrigger | undefined; handover: boolean; overlap: number }
>;

/** Checked {@link WebSocketManagerOptions}; durations in milliseconds. */
export type WebSocketManagerSettings = SettingsFor<
  WebSocketManagerOptions,
  {
    name: string;
    preset: WebSocketPreset | undefined;
    protocols: readonly string[];
    WebSocket: WebSocketConstructor | undefined;
    headers: Readonly<Record<string, string>> | undefined;
    ping: PingSettings;
    connection: SettingsFor<ConnectionOptions, { timeout: number }>;
    reconnect: ReconnectSettings;
    queue: QueueSettings;
    proactive: ProactiveSettings | undefined;
    messageKey: ((data: WebSocketMessage) => unknown) | undefined;
    shouldReconnect: ((info: ReconnectInfo) => unknown) | undefined;
    clock: Clock;
    random: (() => number) | undefined;
  }
>;
