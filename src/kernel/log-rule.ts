/** The level of a log line. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One log line. It holds no arguments, results, keys or messages of an application: they may be secrets. */
export interface LogLine {
  /** Default: that of its rule. */
  readonly level?: LogLevel;
  readonly message: string;
  readonly fields?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** How an event is logged. */
export interface LogRule<Payload> {
  /** The highest level of its lines. */
  readonly level: LogLevel;
  line(payload: Payload): LogLine;
}

/** How the events of a component are logged; `true`: not at all. */
export type LogRules<Payloads extends object = Readonly<Record<string, unknown>>> = {
  readonly [Name in keyof Payloads]: true | LogRule<Payloads[Name]>;
};
