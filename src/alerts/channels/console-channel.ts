import type { OptionRules, SettingsFor } from "../../kernel/options.js";
import { having, text } from "../../kernel/rules.js";
import type { AlertLevel, Delivery } from "../alert.js";
import type { AlertChannel } from "../channel.js";
import { label } from "./markup.js";
import { channelSettings } from "./secret.js";

/** What {@link ConsoleChannel} writes to: `console`, or a logger with these methods. */
export interface ConsoleLike {
  info(line: string): unknown;
  warn(line: string): unknown;
  error(line: string): unknown;
}

/** Options of {@link ConsoleChannel}. */
export interface ConsoleChannelOptions {
  /** Names the channel in results and messages. Default `"console"`. */
  readonly name?: string | undefined;
  /** Default: the global `console`. */
  readonly console?: ConsoleLike | undefined;
}

type ConsoleChannelSettings = SettingsFor<ConsoleChannelOptions, { name: string; console: ConsoleLike }>;

const rules: OptionRules<ConsoleChannelSettings> = {
  name: text("console"),
  console: having<ConsoleLike>(console, "a console", ["info", "warn", "error"]),
};

const METHODS: Readonly<Record<AlertLevel, keyof ConsoleLike>> = {
  info: "info",
  success: "info",
  warning: "warn",
  critical: "error",
};

/** Control, format, private-use, surrogate and unassigned characters, and the separators of lines. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu;

function visible(line: string): string {
  return line.replaceAll(UNSAFE, (found) => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * Writes alerts to the console: the level and the title on a line, and below it the lines of the body, indented. Info and
 * success go to `info`, warnings to `warn`, critical alerts to `error`; a recovery to `info`. Characters that control a
 * terminal are shown as `\u{1b}`.
 *
 * `deliver` rejects with what the console throws.
 *
 * @throws TypeError or RangeError that names the option when one is unknown or of the wrong type.
 * @example
 * ```ts
 * import { ConsoleChannel } from "@kstlib/resilience/alerts";
 *
 * const lines: string[] = [];
 * const write = (line: string): unknown => lines.push(line);
 * const channel = new ConsoleChannel({ console: { info: write, warn: write, error: write } });
 * const alert = { title: "disk almost full", body: "/var: 97 %", level: "warning", key: "disk" } as const;
 * const rest = { timestamp: new Date(), isRecovery: false, count: 1, id: "1" };
 * await channel.deliver({ ...alert, ...rest });
 * console.assert(lines.join() === "[WARNING] disk almost full\n    /var: 97 %");
 * ```
 */
export class ConsoleChannel implements AlertChannel {
  readonly name: string;
  readonly #console: ConsoleLike;

  constructor(options: ConsoleChannelOptions = {}) {
    const settings = channelSettings("ConsoleChannel", rules, options);
    this.name = settings.name;
    this.#console = settings.console;
  }

  async deliver(alert: Delivery): Promise<void> {
    const { title, body, level, isRecovery, count } = alert;
    const after = count > 1 ? ` × ${count}` : "";
    const lines = body.trimEnd() === "" ? [] : body.trimEnd().split(/\r?\n/);
    const all = [
      `[${label(alert)}] ${visible(title)}${after}`,
      ...lines.map((line) => `    ${visible(line.replaceAll("\t", "    "))}`),
    ];
    // A method of its own object: a logger may need `this`.
    this.#console[isRecovery ? "info" : METHODS[level]](all.join("\n"));
  }
}
