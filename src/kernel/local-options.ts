import { configuredLayers } from "./configured.js";
import { type OptionRules, ownOptions, resolveOptions } from "./options.js";
import { show } from "./show.js";

/**
 * As `resolveOptions`, for a component of one process alone.
 *
 * @throws TypeError also where the configuration says `shared: true`: nobody would notice that the limit of all processes
 * is one for each of them.
 */
export function resolveLocalOptions<Settings extends object>(
  component: string,
  rules: OptionRules<Settings>,
  given: object | undefined,
  section: string,
): Readonly<Settings> {
  const own = ownOptions(component, rules, given === undefined ? {} : given);
  const layers = configuredLayers(section, own);
  const settings = resolveOptions(component, rules, own, layers);
  if (layers.findLast(({ shared }) => shared !== undefined)?.["shared"] !== true) return settings;
  const { name } = own;
  throw new TypeError(
    `${component}${name === undefined ? "" : ` ${show(name)}`} is shared: true in the configuration, but would count for this process alone. Make it by useRedis of @kstlib/resilience/redis, or take shared out of the configuration.`,
  );
}
