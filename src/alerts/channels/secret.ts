import { onAbort } from "../../kernel/abort.js";
import { type OptionRules, resolveOptions } from "../../kernel/options.js";
import { custom, type Rule } from "../../kernel/rules.js";
import { AlertDeliveryError } from "../errors.js";
import { fieldOf } from "../field-of.js";
import { kindOf, unlikeSecret } from "../nested.js";

/** A secret, or a function that gives it; the function is called for each delivery. */
export type SecretSource = string | (() => string | Promise<string>);

/** A kind of secret: what it has to be, in the words of an error message. */
export interface SecretKind {
  readonly allowed: string;
  readonly accepts: (value: string) => boolean;
}

export const anySecret: SecretKind = { allowed: "a non-empty string", accepts: (value) => value !== "" };

/** An option that holds a secret: no error shows its value, and a file cannot have it. */
export function secret({ allowed, accepts }: SecretKind): Rule<SecretSource> {
  const all = `${allowed}, or a function that gives one`;
  return custom({
    allowed: all,
    parse(value, label) {
      if (typeof value === "function") return value as () => string | Promise<string>;
      if (typeof value === "string" && accepts(value)) return value;
      throw unlikeSecret(label, all, value);
    },
  });
}

/** As `resolveOptions`; an address or a password in the place of the options is not shown either. */
export function channelSettings<Settings extends object>(
  component: string,
  rules: OptionRules<Settings>,
  options: object,
): Readonly<Settings> {
  if (typeof options === "object") return resolveOptions(component, rules, options);
  throw unlikeSecret(`the options of ${component}`, "a plain object", options);
}

/** The codes of Node's errors of sockets, names, TLS and files, and those of its fetch. */
const CODE = /^(?:E[A-Z]{2,20}|(?:ERR|UND_ERR|CERT|DEPTH|SELF|UNABLE|MODULE)_[A-Z_]{2,40})$/;

/** The code of an error, such as `ECONNREFUSED`: all that may be told of an error whose message can hold a secret. */
export function codeOf(error: unknown): string | undefined {
  let at = error;
  // A cause may refer back to its error.
  for (let depth = 0; depth < 4; depth++) {
    const code = fieldOf(at, "code");
    if (typeof code === "string" && CODE.test(code)) return code;
    at = fieldOf(at, "cause");
  }
  return undefined;
}

/** The code of an error in brackets, or nothing. */
export function told(error: unknown): string {
  const code = codeOf(error);
  return code === undefined ? "" : ` (${code})`;
}

/** What `work` gives, or the reason of the abort if that comes first. */
export async function unlessAborted<Value>(
  work: () => Value | Promise<Value>,
  signal: AbortSignal,
): Promise<Value> {
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = onAbort(signal, () => reject(signal.reason as Error));
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    stop?.();
  }
}

/** Where a channel has a secret from. */
interface Source {
  /** The name of the option. */
  readonly label: string;
  readonly source: SecretSource;
  readonly kind: SecretKind;
}

/**
 * Reads a secret of a channel.
 *
 * @throws AlertDeliveryError if the function fails (another attempt may succeed) or gives something else.
 */
export async function readSecret(
  channel: string,
  { label, source, kind }: Source,
  signal: AbortSignal,
): Promise<string> {
  if (typeof source === "string") return source;
  let value: unknown;
  try {
    value = await unlessAborted(source, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AlertDeliveryError) throw error;
    const reason = `the function ${label} failed${told(error)}`;
    throw new AlertDeliveryError(channel, reason, { retryable: true });
  }
  if (typeof value === "string" && kind.accepts(value)) return value;
  const reason = `the function ${label} must give ${kind.allowed}; it gave ${kindOf(value)}`;
  throw new AlertDeliveryError(channel, reason, { retryable: false });
}
