import type { AlertLevel } from "./alert.js";
import type { BaseManager } from "./base-manager.js";
import { ownOptions } from "../kernel/options.js";
import { unlike } from "../kernel/show.js";
import { disposable } from "../kernel/disposable.js";
import { cut, LEVELS, LONGEST_KEY } from "./messages.js";

/** An event of a component, as a `Registry` tells it. */
export interface ComponentEvent {
  readonly kind: string;
  readonly name: string;
  readonly event: string;
  readonly payload: unknown;
}

/** Where components tell their events: a `Registry`. */
export interface EventSource {
  on(
    listener: (event: ComponentEvent) => unknown,
    filter?: (kind: string, event: string) => boolean,
  ): Disposable;
}

/** The level at which each kind of event is sent; `false`: not at all. */
export interface AlertRules {
  /** A circuit opened; its closing is the recovery. Default `"critical"`. */
  readonly circuitOpen?: AlertLevel | false | undefined;
  /** The target of a heartbeat is dead; one that is alive again is the recovery. Default `"critical"`. */
  readonly targetDead?: AlertLevel | false | undefined;
  /** A heartbeat was missed; one that is written again is the recovery. Default `"warning"`. */
  readonly missedBeat?: AlertLevel | false | undefined;
  /** A watchdog found a freeze, or a file that is stale, dead or missing; its end is the recovery. Default `"critical"`. */
  readonly watchdogTimeout?: AlertLevel | false | undefined;
  /** A shutdown was not complete. Default `"critical"`. */
  readonly shutdownFailed?: AlertLevel | false | undefined;
}

const DEFAULTS: Readonly<Record<keyof AlertRules, AlertLevel>> = {
  circuitOpen: "critical",
  targetDead: "critical",
  missedBeat: "warning",
  watchdogTimeout: "critical",
  shutdownFailed: "critical",
};

/** What an event means: the rule it is sent by, and what it says; or the end of a problem. */
type Meaning =
  | { readonly rule: keyof AlertRules; readonly title: string; readonly body?: string }
  | { readonly ends: keyof AlertRules };

type Payload = Readonly<Record<string, unknown>>;

const seconds = (value: unknown): string => `${Number(value).toFixed(1)} s`;

const MEANINGS: Readonly<Record<string, (name: string, payload: Payload) => Meaning | undefined>> = {
  "circuit-breaker stateChange": (name, { to, reason }) => {
    if (to === "closed") return { ends: "circuitOpen" };
    if (to !== "open") return undefined;
    return { rule: "circuitOpen", title: `circuit ${name} is open`, body: `reason: ${String(reason)}` };
  },
  "heartbeat targetDead": (name) => ({
    rule: "targetDead",
    title: `the target of heartbeat ${name} is dead`,
  }),
  "heartbeat targetAlive": () => ({ ends: "targetDead" }),
  "heartbeat missedBeat": (name, { message }) => ({
    rule: "missedBeat",
    title: `heartbeat ${name} missed a beat`,
    body: String(message),
  }),
  "heartbeat beat": () => ({ ends: "missedBeat" }),
  "watchdog timeout": (name, { kind, secondsInactive, file }) => ({
    rule: "watchdogTimeout",
    title: `watchdog ${name}: ${String(kind)}`,
    body: typeof file === "string" ? `file: ${file}` : `not pinged for ${seconds(secondsInactive)}`,
  }),
  "watchdog recover": () => ({ ends: "watchdogTimeout" }),
  "shutdown complete": (name, { report }) => {
    const { ok, seconds: took } = report as { readonly ok: boolean; readonly seconds: number };
    if (ok) return undefined;
    return {
      rule: "shutdownFailed",
      title: `shutdown ${name} was not complete`,
      body: `after ${seconds(took)}`,
    };
  },
};

/**
 * Sends what the components of a registry tell: a circuit that opens and closes, heartbeats, watchdogs, a shutdown that
 * failed. The end of a problem is its recovery.
 *
 * @param rules the levels, where they are not the defaults.
 * @returns a `Disposable` that ends it.
 * @throws TypeError or RangeError for a wrong rule.
 * @example
 * ```ts
 * import { Registry } from "@kstlib/resilience";
 * import { AlertManager, alertsFrom } from "@kstlib/resilience/alerts";
 *
 * await using registry = new Registry();
 * await using alerts = new AlertManager();
 * using _sending = alertsFrom(registry, alerts, { missedBeat: false });
 * ```
 */
export function alertsFrom(
  registry: EventSource,
  manager: Pick<BaseManager, "send" | "resolve">,
  rules: AlertRules = {},
): Disposable {
  const own = ownOptions("alertsFrom", DEFAULTS, rules);
  const levels = new Map<string, AlertLevel | false>();
  for (const [rule, byDefault] of Object.entries(DEFAULTS)) {
    const level = own[rule] === undefined ? byDefault : own[rule];
    if (level !== false && !LEVELS.includes(level as AlertLevel)) {
      throw new RangeError(unlike(`the rule ${rule}`, `one of ${LEVELS.join(", ")}, or false`, level));
    }
    levels.set(rule, level as AlertLevel | false);
  }
  /** The problems that were told, so that each beat of a healthy heartbeat costs no more than a look. */
  const told = new Set<string>();
  const tell = ({ kind, name, event, payload }: ComponentEvent): void => {
    const meaning = MEANINGS[`${kind} ${event}`]?.(name, Object(payload) as Payload);
    if (meaning === undefined) return;
    const key = cut(`${kind}/${"rule" in meaning ? meaning.rule : meaning.ends}/${name}`, LONGEST_KEY);
    if ("ends" in meaning) {
      if (told.delete(key)) void manager.resolve(key);
      return;
    }
    const level = levels.get(meaning.rule);
    if (level === undefined || level === false) return;
    told.add(key);
    void manager.send({ title: meaning.title, body: meaning.body, level, key });
  };
  const listening = registry.on(tell, (kind, event) => Object.hasOwn(MEANINGS, `${kind} ${event}`));
  return disposable(() => listening[Symbol.dispose]());
}
