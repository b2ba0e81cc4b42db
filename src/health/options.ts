import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { clockRule, signalRule } from "../kernel/object-rules.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { custom, duration, flag, optional, type Rule, text } from "../kernel/rules.js";
import { show, unlike } from "../kernel/show.js";
import type { HealthProbe } from "./report.js";

const PROBES: readonly HealthProbe[] = ["readiness", "liveness", "startup"];

/** Options of {@link Health}; the section `health` of the configuration gives their defaults. */
export interface HealthOptions {
  /** The name in snapshots and messages; selects `instances.<name>` of the configuration. Default `"health"`. */
  readonly name?: string | undefined;
  /**
   * When this signal aborts (a shutdown's `signal`), the process is draining: from then on it is alive and not ready.
   * Default none.
   */
  readonly drainOn?: AbortSignal | undefined;
  /** How long a check without a `timeout` of its own may take, above 0. Default 5 s. */
  readonly checkTimeout?: Duration | undefined;
  /** The source of time. Default the clock of the machine. */
  readonly clock?: Clock | undefined;
}

/** The checked options; times in milliseconds. */
export type HealthSettings = SettingsFor<
  HealthOptions,
  { name: string; drainOn: AbortSignal | undefined; checkTimeout: number; clock: Clock }
>;

/** What each option of {@link Health} may be. */
export const healthRules: OptionRules<HealthSettings> = {
  name: text("health"),
  drainOn: signalRule,
  checkTimeout: duration(5),
  clock: clockRule,
};

/** What `update` can change: options as for the constructor. */
export type HealthChanges = Pick<HealthOptions, "checkTimeout">;

/** The rules of {@link HealthChanges}. */
export const liveRules: Pick<typeof healthRules, keyof HealthChanges> = {
  checkTimeout: healthRules.checkTimeout,
};

/** Options of `addCheck`. */
export interface HealthCheckOptions {
  /**
   * The probes that run it: `"readiness"` (the default), `"liveness"`, `"startup"`, or a list of them. A failing
   * liveness check gets the process restarted: put no dependency there, a restart does not repair a database.
   */
  readonly for?: HealthProbe | readonly HealthProbe[] | undefined;
  /** How long it may take, above 0. Default: `checkTimeout`. */
  readonly timeout?: Duration | undefined;
}

/** The checked options of `addCheck`; times in milliseconds. */
export type HealthCheckSettings = SettingsFor<
  HealthCheckOptions,
  { for: readonly HealthProbe[]; timeout: number | undefined }
>;

function probes(): Rule<readonly HealthProbe[]> {
  const words = PROBES.map((probe) => JSON.stringify(probe)).join(", ");
  const allowed = `one of ${words}, or a list of different ones`;
  return custom({
    fallback: "readiness",
    allowed,
    parse(value, label) {
      const list: readonly unknown[] = Array.isArray(value) ? value : [value];
      const odd = list.findIndex(
        (item, index) => !PROBES.some((probe) => probe === item) || list.indexOf(item) < index,
      );
      if (odd !== -1) {
        const Kind = typeof list[odd] === "string" ? RangeError : TypeError;
        throw new Kind(unlike(label, allowed, list[odd]));
      }
      if (list.length === 0) throw new RangeError(`${label} must be ${allowed}; got ${show(value)} of none.`);
      return Object.freeze(PROBES.filter((probe) => list.includes(probe)));
    },
  });
}

/** What each option of `addCheck` may be. */
export const checkRules: OptionRules<HealthCheckSettings> = {
  for: probes(),
  timeout: optional(duration(undefined)),
};

/** Options of `handler`. */
export interface HealthHandlerOptions {
  /** The path before `/livez`, `/readyz` and `/startupz`: `""` (the default) or one such as `"/health"`. */
  readonly prefix?: string | undefined;
  /**
   * Whether an answer says why a check failed. Default `false`: anyone who can reach the port can read it, and an error
   * message can contain an address, a user or worse. Names of checks are always shown.
   */
  readonly messages?: boolean | undefined;
}

/** The checked options of `handler`. */
export type HealthHandlerSettings = SettingsFor<HealthHandlerOptions, { prefix: string; messages: boolean }>;

function path(): Rule<string> {
  const allowed = 'a path that starts with "/" and ends without one, such as "/health", or ""';
  return custom({
    fallback: "",
    allowed,
    parse(value, label) {
      if (typeof value !== "string") throw new TypeError(unlike(label, allowed, value));
      if (!/^(?:\/[^/?#\s]+)*$/.test(value)) throw new RangeError(unlike(label, allowed, value));
      return value;
    },
  });
}

/** What each option of `handler` may be. */
export const handlerRules: OptionRules<HealthHandlerSettings> = {
  prefix: path(),
  messages: flag(false),
};
