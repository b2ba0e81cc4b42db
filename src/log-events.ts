import { components } from "./descriptors.js";
import type { Component } from "./kernel/component.js";
import { disposable } from "./kernel/disposable.js";
import type { LogLevel, LogLine, LogRule, LogRules } from "./kernel/log-rule.js";
import { resolveOptions, type OptionRules, type SettingsFor } from "./kernel/options.js";
import { choice } from "./kernel/rules.js";
import { unlike } from "./kernel/show.js";
import type { Registry } from "./registry.js";

/** What writes the lines: `console`, pino, winston, or anything else with these methods. */
export interface Logger {
  debug(...line: never[]): unknown;
  info(...line: never[]): unknown;
  warn(...line: never[]): unknown;
  error(...line: never[]): unknown;
}

/** Options of {@link logEvents}. */
export interface LogEventsOptions {
  /** The lowest level that is logged; a failed or refused call, for example, is `"debug"`. Default `"info"`. */
  readonly level?: LogLevel | undefined;
  /**
   * How a line is passed to the logger: `"text"` as one string; `"fields"` as an object and a message, as pino takes it.
   * Default: `"fields"` for a logger with `child` and `bindings`, which is pino, else `"text"`.
   */
  readonly style?: "text" | "fields" | undefined;
}

type Settings = SettingsFor<LogEventsOptions, { level: LogLevel; style: "text" | "fields" | undefined }>;

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

const rules: OptionRules<Settings> = {
  level: choice<LogLevel>("info", LEVELS),
  style: { ...choice<"text" | "fields">("text", ["text", "fields"]), fallback: undefined },
};

let rulesByKind: ReadonlyMap<string, LogRules> | undefined;

/** How the events of a kind of component are logged. Made on first use, so that bundles without a log have no descriptors. */
function rulesOf(kind: string): LogRules | undefined {
  rulesByKind ??= new Map(
    Object.values(components).map((descriptor) => [descriptor.kind, descriptor.events as LogRules]),
  );
  return rulesByKind.get(kind);
}

/** A text on one line: a name with a line break could forge one. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** An event, with its component. */
interface LoggedEvent {
  readonly kind: string;
  readonly name: string;
  readonly event: string;
  readonly payload: unknown;
  /** Of one of many components of that name. */
  readonly origin?: string | undefined;
}

function isPino(logger: object): boolean {
  return (
    typeof Reflect.get(logger, "child") === "function" &&
    typeof Reflect.get(logger, "bindings") === "function"
  );
}

class EventLog {
  readonly #logger: Logger;
  readonly #least: number;
  readonly #style: "text" | "fields";

  constructor(logger: Logger, { level, style }: Settings) {
    this.#logger = logger;
    this.#least = LEVELS.indexOf(level);
    this.#style = style ?? (isPino(logger) ? "fields" : "text");
  }

  includes(level: LogLevel): boolean {
    return LEVELS.indexOf(level) >= this.#least;
  }

  /** The rule of an event some of whose lines are logged. */
  ruleOf(known: LogRules | undefined, event: string): LogRule<unknown> | undefined {
    const rule = known?.[event];
    return typeof rule === "object" && this.includes(rule.level) ? rule : undefined;
  }

  write(rule: LogRule<unknown>, { kind, name, event, payload, origin }: LoggedEvent): void {
    const { level = rule.level, message, fields = {} }: LogLine = rule.line(payload);
    if (!this.includes(level)) return;
    const write = this.#logger[level].bind(this.#logger) as (...line: unknown[]) => unknown;
    const of = origin === undefined ? {} : { origin };
    const text = `${kind} ${oneLine(origin === undefined ? name : `${name} (${origin})`)}: ${oneLine(message)}`;
    if (this.#style === "fields") write({ component: kind, name, ...of, event, ...fields }, text);
    else write(`[resilience] ${text}${oneLine(causeOf(fields))}`);
  }
}

/** An error as part of a text line. */
function causeOf({ error, code, errorMessage }: LogLine["fields"] & object): string {
  if (errorMessage !== undefined) return `: ${errorMessage}`;
  if (error === undefined) return "";
  return code === undefined ? ` (${error})` : ` (${error}, ${code})`;
}

/** Whether it is a registry, which also reports components created later. */
function isRegistry(source: unknown): source is Registry {
  return typeof source === "object" && source !== null && Symbol.iterator in source && "on" in source;
}

function isComponent(source: unknown): source is Component {
  const { on, snapshot } = (source ?? {}) as Partial<Component>;
  return typeof on === "function" && typeof snapshot === "function";
}

/** Subscribes to components, to each once, and to what they are made of. */
function subscriber(log: EventLog): (source: unknown) => Generator<Disposable> {
  const known = new WeakSet<Component>();
  return function* subscribe(source: unknown, isPart?: boolean, origin?: string): Generator<Disposable> {
    if (!isComponent(source)) {
      // A pipeline can have a policy of another kind.
      if (isPart) return;
      throw new TypeError(unlike("the source", "a component, a list of them or a registry", source));
    }
    if (known.has(source)) return;
    known.add(source);
    const snapshot = source.snapshot();
    const { kind } = snapshot;
    const { name } = source;
    const logRules = source.logRules ?? rulesOf(kind) ?? (isPart || source.eachPart ? {} : undefined);
    if (logRules === undefined)
      throw new TypeError(unlike("the kind of a component to log", "one of this package", kind));
    // A watchdog of a file has the same kind, but no event about CPU time.
    const isOfFile = "file" in snapshot;
    for (const event of Object.keys(logRules)) {
      const rule = log.ruleOf(logRules, event);
      if (rule === undefined || (isOfFile && event === "notCounted")) continue;
      yield source.on(event, (payload) => log.write(rule, { kind, name, event, payload, origin }));
    }
    const parts = source.eachPart?.((part, of) => ended([...subscribe(part, true, of)]));
    if (parts !== undefined) yield parts;
    const policies: unknown = Reflect.get(source, "policies");
    if (Array.isArray(policies)) for (const policy of policies) yield* subscribe(policy, true);
  };
}

/** Ends all of them. */
function ended(subscriptions: readonly Disposable[]): Disposable {
  return disposable(() => {
    for (const subscription of subscriptions) subscription[Symbol.dispose]();
  });
}

/**
 * Logs the events of components, one line each: a circuit that opens, a retry that gives up, a frozen event loop. A line
 * has the class and the code of an error, and its message if this package wrote it. It never has arguments, results or a
 * limiter's keys, which may be secrets.
 *
 * @param source a registry, whose components are logged from creation to release; a component, a pipeline or an HTTP client
 * with its parts; or several.
 * @returns a `Disposable` that stops the logging.
 * @throws TypeError for a logger without `debug`, `info`, `warn` and `error`, or for something that is not a component.
 * @example
 * ```ts
 * import { CircuitBreaker, logEvents } from "@kstlib/resilience";
 *
 * const lines: string[] = [];
 * const line = (text: string): number => lines.push(text);
 * const logger = { debug: line, info: line, warn: line, error: line }; // or console, or pino()
 *
 * const breaker = new CircuitBreaker({ name: "payments", maxFailures: 1 });
 * using _log = logEvents(logger, breaker);
 * await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
 * console.assert(lines[0] === "[resilience] circuit-breaker payments: closed -> open (tripped)");
 * ```
 */
export function logEvents(
  logger: Logger,
  source: Registry | Component | readonly Component[],
  options?: LogEventsOptions,
): Disposable {
  const given: unknown = logger;
  const isLogger =
    typeof given === "object" &&
    given !== null &&
    LEVELS.every((level) => typeof Reflect.get(given, level) === "function");
  if (!isLogger) throw new TypeError(unlike("the logger", `an object with ${LEVELS.join(", ")}`, given));
  const log = new EventLog(logger, resolveOptions("logEvents", rules, options));
  if (isRegistry(source)) {
    const ruleOf = (kind: string, event: string): LogRule<unknown> | undefined =>
      log.ruleOf(rulesOf(kind), event);
    return source.on(
      (event) => log.write(ruleOf(event.kind, event.event) as LogRule<unknown>, event),
      (kind, event) => ruleOf(kind, event) !== undefined,
    );
  }
  const subscriptions: Disposable[] = [];
  const subscribe = subscriber(log);
  try {
    for (const one of [source].flat())
      for (const subscription of subscribe(one)) subscriptions.push(subscription);
  } catch (error) {
    ended(subscriptions)[Symbol.dispose]();
    throw error;
  }
  return ended(subscriptions);
}
