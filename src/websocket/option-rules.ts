import type { Duration } from "../kernel/duration.js";
import { clockRule } from "../kernel/object-rules.js";
import { type OptionRules, ownOptions, resolveOptions } from "../kernel/options.js";
import { isPlainObject } from "../kernel/plain-object.js";
import {
  callback,
  choice,
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
import type {
  BoundaryTrigger,
  PingSettings,
  ProactiveSettings,
  QueueSettings,
  ReconnectInfo,
  ReconnectSettings,
  WebSocketManagerOptions,
  WebSocketManagerSettings,
  WebSocketPreset,
} from "./options.js";
import type { WebSocketConstructor, WebSocketData, WebSocketMessage } from "./socket.js";

/** A rule of options nested within an option. */
function nested<Settings extends object>(
  rules: OptionRules<Settings>,
  complete: (settings: Settings, label: string) => Settings = (settings) => settings,
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
      return Object.freeze(complete(settings as Settings, label));
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
    const { protocol, hash, href } = new URL(String(url));
    if (/^(?:ws|http)s?:$/.test(protocol) && hash === "") return href;
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
    return settings;
  },
);

/** A word of HTTP; anything else in its place would end or split the handshake. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

function isHeader([name, value]: readonly [string, unknown]): boolean {
  return TOKEN.test(name) && typeof value === "string" && !/[\0\r\n]/.test(value);
}

const PROTOCOLS_RULE = "a word without spaces or a list of different ones";
const HEADERS_RULE = "an object of header names and their texts";
const SOCKET_RULE = "a constructor of WebSockets";

/** The durations that a preset gives. */
interface Timing {
  readonly interval?: Duration;
  readonly timeout?: Duration;
  readonly connection?: Duration;
  readonly delay?: Duration;
  readonly maxDelay?: Duration;
}

const PRESETS: Readonly<Record<WebSocketPreset, Timing>> = {
  trading: { interval: "5s", timeout: "3s", connection: "10s", delay: "0.5s", maxDelay: "10s" },
  monitoring: { interval: "60s", timeout: "30s", delay: "5s", maxDelay: "5m" },
};

/** The rules of durations, with the defaults of a preset or their own. */
function timing(given: Timing): Pick<Rules, "ping" | "connection" | "reconnect"> {
  const { interval = "20s", timeout = "10s", connection = "30s", delay = "1s", maxDelay = "60s" } = given;
  const longest = duration(maxDelay).parse(maxDelay, "maxDelay");
  return {
    ping: nested<PingSettings>({
      interval: duration(interval),
      timeout: duration(timeout),
      message: custom({ allowed: DATA_RULE, file: { kind: "text" }, parse: checkData }),
      maxSilence: optional(duration(undefined)),
    }),
    connection: nested({ timeout: duration(connection) }),
    reconnect: nested<ReconnectSettings>(
      {
        delay: duration(delay),
        maxDelay: duration(undefined),
        spread: duration(undefined, { zero: true }),
        maxAttempts: optional(integer(undefined, 1)),
        resetAfter: duration("10s", { zero: true }),
        deadAfter: optional(duration(undefined)),
      },
      (settings, label) => {
        const { delay: first } = settings;
        const { maxDelay: most = Math.max(first, longest) } = settings as Partial<ReconnectSettings>;
        const { spread = (most * 2) / 3 } = settings as Partial<ReconnectSettings>;
        if (most < first) {
          throw new RangeError(unlike(`${label}.maxDelay`, `at least ${label}.delay`, most / 1000));
        }
        if (spread > most) {
          throw new RangeError(unlike(`${label}.spread`, `at most ${label}.maxDelay`, spread / 1000));
        }
        return { ...settings, maxDelay: most, spread };
      },
    ),
  };
}

type Rules = OptionRules<WebSocketManagerSettings>;

/** The rules of `WebSocketManagerOptions`. */
export const webSocketManagerRules: Rules = {
  name: text("websocket"),
  preset: optional(choice<WebSocketPreset>("trading", ["trading", "monitoring"])),
  protocols: custom({
    fallback: [],
    allowed: PROTOCOLS_RULE,
    file: { kind: "either", shapes: [{ kind: "text" }, { kind: "any" }] },
    parse(value, label) {
      const list: readonly unknown[] = Array.isArray(value) ? value : [value];
      const isList = list.every((one): one is string => typeof one === "string" && TOKEN.test(one));
      if (isList && new Set(list).size === list.length) return [...list];
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
  ...timing({}),
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

/** The settings of a new manager: a preset counts before the defaults. */
export function resolveManager(
  options: WebSocketManagerOptions | undefined,
  layers: readonly Readonly<Record<string, unknown>>[],
): Readonly<WebSocketManagerSettings> {
  const settings = resolveOptions("WebSocketManager", webSocketManagerRules, options, layers);
  if (settings.preset === undefined) return settings;
  const rules = { ...webSocketManagerRules, ...timing(PRESETS[settings.preset]) };
  return resolveOptions("WebSocketManager", rules, options, layers);
}

const closeRules = { code: integer(1000, 1000, 4999), timeout: duration("5s") };

/** The options of `close`. */
export function resolveClose(options: object): { readonly code: number; readonly timeout: number } {
  const settings = resolveOptions("close", closeRules, options);
  const { code } = settings;
  if (code > 1000 && code < 3000) throw new RangeError(unlike("code", "1000, or from 3000 to 4999", code));
  return settings;
}

const requestRules = {
  reconnectAfter: optional(duration(undefined, { zero: true, long: true })),
  reason: optional(text(undefined)),
};

/** The options of `requestDisconnect`. */
export function resolveRequest(options: object): {
  readonly reconnectAfter: number | undefined;
  readonly reason: string;
} {
  const { reconnectAfter, reason = "" } = resolveOptions("requestDisconnect", requestRules, options);
  if (new TextEncoder().encode(reason).length <= 123) return { reconnectAfter, reason };
  throw new RangeError(unlike("reason", "at most 123 bytes of text", reason));
}
