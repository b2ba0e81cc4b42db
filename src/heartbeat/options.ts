import { parsePath, PATH_RULE } from "../heartbeat-file/options.js";
import { type HeartbeatMetadata, type HeartbeatState, LONGEST_INTERVAL } from "../heartbeat-file/state.js";
import type { Clock } from "../kernel/clock.js";
import type { Json } from "../kernel/component.js";
import type { Duration } from "../kernel/duration.js";
import { clockRule, signalRule } from "../kernel/object-rules.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { callback, custom, duration, flag, text } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import type { HeartbeatError } from "./errors.js";
import { copyMetadata, METADATA_RULE } from "./metadata.js";
import { type HeartbeatSink, sinksRule } from "./sink.js";

/** Something that a heartbeat checks, such as a connection or a worker. */
export interface HeartbeatTarget {
  /** Read once per beat; an error becomes a warning. */
  readonly isDead: boolean;
}

/**
 * A record, or an object whose type is an interface, which TypeScript does not accept as a record. The symbols exclude
 * functions, promises, maps and arrays.
 */
type PlainObject =
  | Readonly<Record<string, unknown>>
  | (object & {
      readonly [Symbol.hasInstance]?: never;
      readonly [Symbol.toStringTag]?: never;
      readonly [Symbol.iterator]?: never;
    });

/** Options of {@link Heartbeat}; the section `heartbeat` of the configuration gives their defaults. */
export interface HeartbeatOptions {
  /** Names the heartbeat in messages, events and the configuration's `instances`. Default `"heartbeat"`. */
  readonly name?: string | undefined;
  /**
   * The file that is written at each beat: a path or a `file:` URL, relative to the working directory at construction.
   * Its folder is created. Default: no file, only sinks, callbacks and events.
   */
  readonly stateFile?: string | URL | undefined;
  /**
   * Others that get each beat, such as a `RedisHeartbeatSink`. They harm neither the file nor one another: what one of
   * them does not take is a missed beat. Default none.
   */
  readonly sinks?: readonly HeartbeatSink[] | undefined;
  /** Time between two beats, from 1 ms to 365 days; a number is seconds. Default 10 s. */
  readonly interval?: Duration | undefined;
  /**
   * Additional data for the file: a plain object that JSON can hold (copied at construction), or a function called at
   * each beat that returns one. It may contain plain objects, arrays and anything with a `toJSON`, such as a Date, nested
   * up to 100 levels; at most 1,000,000 bytes of JSON, where a non-ASCII UTF-16 unit takes 6. If the function fails, the
   * beat has the last good metadata; the first failure of a series is a warning. Default `{}`.
   */
  readonly metadata?: PlainObject | (() => PlainObject) | undefined;
  /** Checked once per beat, except while draining. Default none. */
  readonly target?: HeartbeatTarget | undefined;
  /** Called once when the target is found dead, and again only after it has been alive in between. */
  readonly onTargetDead?: (() => unknown) | undefined;
  /** Called after each beat with what was written. */
  readonly onBeat?: ((state: HeartbeatState) => unknown) | undefined;
  /** Called when a beat could not be written; the next one is attempted on schedule. */
  readonly onMissedBeat?: ((error: HeartbeatError) => unknown) | undefined;
  /** Called with the channel `"heartbeat"` on a missed beat and on a dead target. */
  readonly onAlert?:
    | ((channel: string, message: string, context: Readonly<Record<string, Json>>) => unknown)
    | undefined;
  /** When this signal aborts (a shutdown's `signal`), the status becomes `draining` and is written at once. */
  readonly drainOn?: AbortSignal | undefined;
  /**
   * Whether to notify systemd: `READY=1` when running, `WATCHDOG=1` at half of `WatchdogSec=`, `STOPPING=1` when
   * draining. Has no effect if `NOTIFY_SOCKET` is not set. `true` uses the program `systemd-notify`, for which the unit
   * needs `NotifyAccess=all`; a function sends each message itself. Only one heartbeat of a process needs it. Default
   * `false`.
   */
  readonly systemd?: boolean | ((message: string) => unknown) | undefined;
  /** Whether each beat is flushed to the disk before it replaces the previous one. Default `false`. */
  readonly fsync?: boolean | undefined;
  /**
   * Who may read the file, regardless of the umask: 0o600 (only its owner), 0o640 (also its group), 0o604 (every user
   * outside its group) or 0o644 (every user), or the same as text, such as `"0644"`. For a monitor under another
   * account, which must also be able to enter the folder. Has no effect on Windows. Default 0o600.
   */
  readonly mode?: number | string | undefined;
  /** Source of time. Default `realClock`. */
  readonly clock?: Clock | undefined;
}

/** Checked options; durations in milliseconds. */
export type HeartbeatSettings = SettingsFor<
  HeartbeatOptions,
  {
    name: string;
    stateFile: string | undefined;
    sinks: readonly HeartbeatSink[];
    interval: number;
    metadata: HeartbeatMetadata | (() => unknown);
    target: HeartbeatTarget | undefined;
    onTargetDead: HeartbeatOptions["onTargetDead"];
    onBeat: HeartbeatOptions["onBeat"];
    onMissedBeat: HeartbeatOptions["onMissedBeat"];
    onAlert: HeartbeatOptions["onAlert"];
    drainOn: AbortSignal | undefined;
    systemd: boolean | ((message: string) => unknown);
    fsync: boolean;
    mode: number;
    clock: Clock;
  }
>;

/** Options of `Heartbeat.start`. */
export interface HeartbeatStartOptions {
  /** `false`: the status is `starting` until `ready()` is called. Default `true`. */
  readonly ready?: boolean | undefined;
}

/** The allowed values and the default of each option of `Heartbeat.start`. */
export const startRules: OptionRules<SettingsFor<HeartbeatStartOptions, { ready: boolean }>> = {
  ready: flag(true),
};

const anyInterval = duration(10);

/** No mode lets others write or execute the file, because it is only ever replaced. */
const MODES: ReadonlySet<unknown> = new Set([0o600, 0o604, 0o640, 0o644]);
const MODE_RULE = '0o600, 0o640, 0o604 or 0o644, or the same as text, such as "0644"';

function parseMode(value: unknown, label: string): number {
  // Text is always octal. A number such as 644 is decimal in JavaScript and YAML, and not a valid mode.
  const mode =
    typeof value === "string" && /^(?:0o?)?[0-7]{3}$/.test(value)
      ? Number.parseInt(value.slice(-3), 8)
      : value;
  if (typeof mode === "number" && MODES.has(mode)) return mode;
  const isOfType = typeof value === "number" || typeof value === "string";
  throw new (isOfType ? RangeError : TypeError)(unlike(label, MODE_RULE, value));
}

/** The allowed values and the default of each heartbeat option. */
export const heartbeatRules: OptionRules<HeartbeatSettings> = {
  name: text("heartbeat"),
  stateFile: custom<string | undefined>({ allowed: PATH_RULE, file: { kind: "text" }, parse: parsePath }),
  sinks: sinksRule,
  interval: {
    ...anyInterval,
    parse(value, label) {
      const interval = anyInterval.parse(value, label);
      // Clocks are too coarse for less than 1 ms; readers reject a file with more than 365 days.
      if (interval >= 1 && interval <= LONGEST_INTERVAL * 1000) return interval;
      throw new RangeError(unlike(label, "a duration from 1ms to 365d", value));
    },
  },
  metadata: custom<HeartbeatSettings["metadata"]>({
    fallback: {},
    allowed: `${METADATA_RULE}, or a function that returns one`,
    file: { kind: "record" },
    parse: (value, label) =>
      typeof value === "function" ? (value as () => unknown) : copyMetadata(value, label),
  }),
  target: custom<HeartbeatTarget | undefined>({
    allowed: "an object with isDead",
    parse(value, label) {
      if ("isDead" in Object(value)) return value as HeartbeatTarget;
      throw new TypeError(unlike(label, "an object with isDead", value));
    },
  }),
  onTargetDead: callback(),
  onBeat: callback(),
  onMissedBeat: callback(),
  onAlert: callback(),
  drainOn: signalRule,
  systemd: custom<HeartbeatSettings["systemd"]>({
    fallback: false,
    allowed: "true, false or a function that sends",
    file: { kind: "boolean" },
    parse(value, label) {
      if (typeof value === "boolean") return value;
      if (typeof value === "function") return value as (message: string) => unknown;
      throw new TypeError(unlike(label, "true, false or a function that sends", value));
    },
  }),
  fsync: flag(false),
  mode: custom<number>({
    fallback: "0600",
    allowed: MODE_RULE,
    file: {
      kind: "either",
      shapes: [{ kind: "number", integer: true, min: 0o600, max: 0o644, above: false }, { kind: "text" }],
    },
    parse: parseMode,
  }),
  clock: clockRule,
};

/** The options that `update` can change, as for the constructor. */
export type HeartbeatChanges = Pick<HeartbeatOptions, "interval">;

/** The rules of {@link HeartbeatChanges}. */
export const liveRules: Pick<typeof heartbeatRules, keyof HeartbeatChanges> = {
  interval: heartbeatRules.interval,
};
