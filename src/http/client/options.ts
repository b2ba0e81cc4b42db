import type { Clock } from "../../kernel/clock.js";
import { configuredLayers, currentConfiguration } from "../../kernel/configured.js";
import { nearest } from "../../kernel/nearest.js";
import { clockRule } from "../../kernel/object-rules.js";
import { ownOptions, type OptionRules, resolveOptions, type SettingsFor } from "../../kernel/options.js";
import { callback, custom, flag, integer, type Rule, text } from "../../kernel/rules.js";
import { show, unlike } from "../../kernel/show.js";
import { warnOnce } from "../../kernel/warning.js";
import {
  partRules,
  readPart,
  type ResilientOptions,
  type ResilientParts,
  type ReadParts,
} from "../../resilient-options.js";

/** The type of `fetch`. */
export type Fetch = typeof globalThis.fetch;

/** What a client for HTTP has beside the policies of `resilient`. */
export interface HttpClientOptions {
  /**
   * Names the client and its policies, of whichever origin, in errors, events and metrics; selects `pipelines.<name>` of
   * the configuration. Default `"http"`.
   */
  readonly name?: string | undefined;
  /** Whether each origin has policies of its own. Default `true`; otherwise all share one set of them. */
  readonly perHost?: boolean | undefined;
  /**
   * Of how many origins the policies are kept, at least 1; default 1000. The one not used for longest is forgotten, but
   * none that is in use, paused, or whose circuit is not closed: if all are, further origins share one set of policies.
   */
  readonly maxHosts?: number | undefined;
  /**
   * Methods whose requests can be sent again without harm. Default GET, HEAD, OPTIONS, TRACE, PUT, DELETE and QUERY. Any
   * method is repeated after a 429, and one with an `Idempotency-Key` after any failure.
   */
  readonly retryMethods?: readonly string[] | undefined;
  /** Statuses, from 400 to 599, after which a request is worth another attempt. Default 408, 429, 500, 502, 503 and 504. */
  readonly retryStatuses?: readonly number[] | undefined;
  /**
   * Whether all calls wait as long as the server asks, by `Retry-After` of a 429 or 503 or by the `RateLimit` field, and
   * spread what it still allows when little is left. Default `true`.
   */
  readonly obey?: boolean | undefined;
  /** The source of time, also of all policies that are not instances and have none of their own. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** Options of `resilientFetch`: those of {@link HttpClientOptions}, the parts of `resilient`, and `fetch`. */
export interface ResilientFetchOptions<Value = unknown>
  extends HttpClientOptions, Omit<ResilientOptions<Value>, "name" | "clock"> {
  /** What sends the requests. Default: the global `fetch` at the time of the call. */
  readonly fetch?: Fetch | undefined;
}

/** {@link HttpClientOptions} as checked. */
export type HttpClientSettings = SettingsFor<
  HttpClientOptions,
  {
    name: string;
    perHost: boolean;
    maxHosts: number;
    retryMethods: ReadonlySet<string>;
    retryStatuses: ReadonlySet<number>;
    obey: boolean;
    clock: Clock | undefined;
  }
>;

/** A list without repetitions. */
function setOf<Member>(
  fallback: readonly Member[],
  allowed: string,
  read: (member: unknown) => Member | undefined,
): Rule<ReadonlySet<Member>> {
  return custom<ReadonlySet<Member>>({
    fallback,
    allowed,
    parse(value, label) {
      if (!Array.isArray(value)) throw new TypeError(unlike(label, allowed, value));
      const members = value.map((given: unknown) => {
        const member = read(given);
        if (member === undefined) throw new RangeError(unlike(`a member of ${label}`, allowed, given));
        return member;
      });
      return new Set(members);
    },
  });
}

/** A token of RFC 9110, of which a method is one. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;

const method = (given: unknown): string | undefined =>
  typeof given === "string" && TOKEN.test(given) ? given.toUpperCase() : undefined;

const status = (given: unknown): number | undefined =>
  typeof given === "number" && Number.isInteger(given) && given >= 400 && given <= 599 ? given : undefined;

export const httpClientRules: OptionRules<HttpClientSettings> = {
  name: text("http"),
  perHost: flag(true),
  maxHosts: integer(1000, 1),
  retryMethods: setOf(
    ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"],
    "a list of methods",
    method,
  ),
  retryStatuses: setOf([408, 429, 500, 502, 503, 504], "a list of statuses from 400 to 599", status),
  obey: flag(true),
  clock: { ...clockRule, fallback: undefined },
};

const fetchRule = callback<Fetch>();

/** A client with a name gets its policies from the configuration, where the name may be written differently. */
function warnOfNone(component: string, name: string): void {
  const known = Object.keys(currentConfiguration()["pipelines"]?.instances ?? {});
  if (known.includes(name)) return;
  const meant = nearest(name, known);
  const there = known.length === 0 ? "no pipelines are configured" : `there are ${known.join(", ")}`;
  const advice = meant === undefined ? there : `did you mean ${meant}?`;
  warnOnce(
    "KSTLIB_NO_EFFECT",
    `${component} ${show(name)} has no policies: it is given none, and pipelines has none of that name; ${advice}`,
  );
}

/** Checked options. */
export interface ReadOptions {
  readonly settings: HttpClientSettings;
  /** Instances, or options of those that each origin gets. */
  readonly parts: ReadParts;
  readonly fetch: Fetch | undefined;
}

/**
 * Reads the options once: the client's own, and the parts over those of `pipelines.<name>` of the configuration.
 *
 * @param component what they are of, for messages.
 */
export function readOptions(component: string, given: object = {}): ReadOptions {
  const { fetch, ...options } = ownOptions(
    component,
    { ...httpClientRules, ...partRules, fetch: true },
    given,
  );
  const isPart = ([key]: [string, unknown]): boolean => Object.hasOwn(partRules, key);
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings = resolveOptions<HttpClientSettings>(
    component,
    httpClientRules,
    Object.fromEntries(entries.filter((entry) => !isPart(entry))),
  );
  const [, configured = {}] = configuredLayers("pipelines", settings);
  const hasPart = entries.some((entry) => isPart(entry));
  if (options["name"] !== undefined && !hasPart && Object.keys(configured).length === 0) {
    warnOfNone(component, settings.name);
  }
  const givenParts = { ...configured, ...Object.fromEntries(entries.filter(isPart)) };
  const parts: ReadParts = Object.fromEntries(
    Object.entries(givenParts).map(([key, part]) => [key, readPart(key as keyof ResilientParts, part)]),
  );
  const { retry } = parts;
  if (retry !== undefined && "execute" in retry) {
    throw new TypeError(
      `retry of ${component} must be options, a name or true; got an instance, which cannot know what may be sent again.`,
    );
  }
  return { settings, parts, fetch: fetch === undefined ? undefined : fetchRule.parse(fetch, "fetch") };
}
