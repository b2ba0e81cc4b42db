import { disposable } from "./disposable.js";

type Options = Readonly<Record<string, unknown>>;

/** One part of the configuration as the kernel sees it: options for all, and by instance name. */
export type Section = Options & { readonly instances?: Readonly<Record<string, Options>> };

/** The configuration as the kernel sees it, by section: checked by whoever made it. */
export type Configuration = Readonly<Record<string, Section>>;

// The ESM and the CommonJS build in one process share one default.
const SLOT = Symbol.for("@kstlib/resilience/configured");

type Stack = Configuration[];

function stack(): Stack | undefined {
  return Reflect.get(globalThis, SLOT) as Stack | undefined;
}

/** Makes a checked configuration the one that plain constructors read, until the result is disposed of. */
export function pushConfiguration(configuration: Configuration): Disposable {
  // A wrapper of its own, so that one configuration pushed twice is taken back one at a time.
  const entry = { ...configuration };
  const entries = stack() ?? [];
  entries.push(entry);
  Object.defineProperty(globalThis, SLOT, { value: entries });
  return disposable(() => {
    entries.splice(entries.indexOf(entry), 1);
  });
}

/** The process-wide configuration of this moment. */
export function currentConfiguration(): Configuration {
  return stack()?.at(-1) ?? {};
}

/**
 * What the configuration says of one instance, lowest precedence first: the section, then `instances.<name>`.
 * `given` are the constructor's options, looked at for their `name` alone.
 */
export function configuredLayers(section: string, given: unknown): readonly Options[] {
  const found = currentConfiguration()[section];
  if (found === undefined) return [];
  const { instances = {} } = found;
  const name = (given as { readonly name?: unknown } | null | undefined)?.name;
  const named = typeof name === "string" && Object.hasOwn(instances, name) ? instances[name] : undefined;
  return named === undefined ? [found] : [found, named];
}
