import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { clockRule } from "../kernel/object-rules.js";
import { type OptionRules, ownOptions, type SettingsFor } from "../kernel/options.js";
import { isPlainObject } from "../kernel/plain-object.js";
import {
  callback,
  custom,
  duration,
  fileFields,
  flag,
  integer,
  optional,
  type Rule,
  text,
} from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
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
  /** The longest delay. At least `delay`; default 60 s. */
  readonly maxDelay?: Duration | undefined;
  /** How many attempts in a row may fail before it gives up. Default: any number. */
  readonly maxAttempts?: number | undefined;
  /** How long a connection must last for the delays to begin anew. Default 10 s. */
  readonly resetAfter?: Duration | undefined;
  /** Without a connection for longer than this, `isDead` is true. Default: only when it has given up. */
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
  /** Why the attempt failed; `undefined` when a connection ended. */
  readonly error: Error | undefined;
  /** The HTTP status that refused the handshake, where the socket tells it: `ws` does. */
  readonly status: number | undefined;
  /** The attempt that would be next; the first is 1. */
  readonly attempt: number;
}

/** Options of `WebSocketManager`; the section `websocket` of the configuration gives their defaults. */
export interface WebSocketManagerOptions {
  /** Selects `instances.<name>` in the configuration, and names the connection in messages. Default `"websocket"`. */
  readonly name?: string | undefined;
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
   * What identifies a message, so that one that two connections deliver is read once. `undefined`: it is always read.
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

/** A rule of options nested within an option. */
function nested<Settings extends object>(
  rules: OptionRules<Settings>,
  check?: (settings: Settings, label: string) => void,
): Rule<Readonly<Settings>> {
  const all = rules as Readonly<Record<string, Rule<unknown>>>;
  return custom({
    fallback: {},
    allowed: `{ ${Object.keys(all).join(", ")} }`,
    file: { kind: "object", fields: fileFields(all) },
    parse(value, label) {
      const given = ownOptions(label, all, value);
      const settings: Record<string, unknown> = {};
      for (const [key, rule] of Object.entries(all)) {
        const found = given[key] === undefined ? rule.fallback : given[key];
        if (found !== undefined) settings[key] = rule.parse(found, `${label}.${key}`);
      }
      const checked = Object.freeze(settings as Settings);
      check?.(checked, label);
      return checked;
    },
  });
}

const DATA_RULE = "text, an ArrayBuffer or a view of one";

/** Throws unless `data` can be sent. */
export function checkData(data: unknown, label: string): WebSocketData {
  const isBytes = Object.prototype.toString.call(data) === "[object ArrayBuffer]" || ArrayBuffer.isView(data);
  if (typeof data === "string" || isBytes) return data as WebSocketData;
  throw new TypeError(unlike(label, DATA_RULE, data));
}

const URL_RULE = "a ws: or wss: URL, or a function that gives one";

/** Throws unless it is the URL of a WebSocket; the error does not contain it. */
export function checkUrl(url: unknown): string {
  try {
    const { protocol, href } = new URL(String(url));
    if (/^(?:ws|http)s?:$/.test(protocol)) return href;
  } catch {
    // Told below.
  }
  throw new TypeError(`url must be ${URL_RULE}.`);
}

const TRIGGER_RULE = "an object with nextBoundary";

function isTrigger(value: unknown): value is BoundaryTrigger {
  return typeof (value as Partial<BoundaryTrigger> | null | undefined)?.nextBoundary === "function";
}

const every = duration(undefined, { long: true });
const proactive = nested<ProactiveSettings>(
  {
    every: optional(every),
    trigger: custom({
      allowed: TRIGGER_RULE,
      parse(value, label) {
        if (isTrigger(value)) return value;
        throw new TypeError(unlike(label, TRIGGER_RULE, value));
      },
    }),
    handover: flag(true),
    overlap: duration("1s", { zero: true }),
  },
  (settings, label) => {
    if ((settings.every === undefined) === (settings.trigger === undefined)) {
      throw new TypeError(`${label} must have either every or trigger.`);
    }
  },
);

/** Header names and values as HTTP has them; anything else would end or split the handshake. */
function isHeader([name, value]: readonly [string, unknown]): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name) && typeof value === "string" && !/[\0\r\n]/.test(value);
}

const PROTOCOLS_RULE = "a non-empty string or a list of them";
const HEADERS_RULE = "an object of header names and their texts";
const SOCKET_RULE = "a constructor of WebSockets";

/** The rules of {@link WebSocketManagerOptions}. */
export const webSocketManagerRules: OptionRules<WebSocketManagerSettings> = {
  name: text("websocket"),
  protocols: custom({
    fallback: [],
    allowed: PROTOCOLS_RULE,
    file: { kind: "either", shapes: [{ kind: "text" }, { kind: "any" }] },
    parse(value, label) {
      const list: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (list.every((one): one is string => typeof one === "string" && one !== "")) return [...list];
      throw new TypeError(unlike(label, PROTOCOLS_RULE, value));
    },
  }),
  WebSocket: custom({
    allowed: SOCKET_RULE,
    parse(value, label) {
      if (typeof value === "function") return value as WebSocketConstructor;
      throw new TypeError(unlike(label, SOCKET_RULE, value));
    },
  }),
  headers: custom({
    allowed: HEADERS_RULE,
    parse(value, label) {
      if (!isPlainObject(value)) throw new TypeError(unlike(label, HEADERS_RULE, value));
      const found = Object.entries(value).find((entry) => !isHeader(entry));
      // Without the value, which may be a secret.
      if (found !== undefined)
        throw new TypeError(`${label}.${found[0]} must be text that a header can have.`);
      return Object.freeze({ ...value }) as Readonly<Record<string, string>>;
    },
  }),
  ping: nested<PingSettings>({
    interval: duration("20s"),
    timeout: duration("10s"),
    message: custom({ allowed: DATA_RULE, file: { kind: "text" }, parse: checkData }),
    maxSilence: optional(duration(undefined)),
  }),
  connection: nested({ timeout: duration("30s") }),
  reconnect: nested<ReconnectSettings>(
    {
      delay: duration("1s"),
      maxDelay: duration("60s"),
      maxAttempts: optional(integer(undefined, 1)),
      resetAfter: duration("10s", { zero: true }),
      deadAfter: optional(duration(undefined)),
    },
    ({ delay, maxDelay }, label) => {
      if (maxDelay < delay) {
        throw new RangeError(unlike(`${label}.maxDelay`, `at least ${label}.delay`, maxDelay / 1000));
      }
    },
  ),
  queue: nested<QueueSettings>({ size: integer(1000, 1), bytes: integer(2 ** 24, 1) }),
  proactive: custom({
    allowed: `${every.allowed}; ${TRIGGER_RULE}; or ${proactive.allowed}`,
    file: { kind: "either", shapes: [every.file, ...(proactive.file === undefined ? [] : [proactive.file])] },
    parse(value, label) {
      if (isTrigger(value)) return proactive.parse({ trigger: value }, label);
      if (isPlainObject(value)) return proactive.parse(value, label);
      every.parse(value, label);
      return proactive.parse({ every: value }, label);
    },
  }),
  messageKey: callback<(data: WebSocketMessage) => unknown>(),
  shouldReconnect: callback<(info: ReconnectInfo) => unknown>(),
  clock: clockRule,
  random: callback<() => number>(),
};
