import type { Duration } from "../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { withoutPassword } from "../kernel/without-password.js";
import { custom, duration, optional, type Rule, text } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";

/** The section `redis` of the configuration: where shared components are. */
export interface RedisOptions {
  /** Selects `instances.<name>`. Default `"redis"`. */
  readonly name?: string | undefined;
  /**
   * The address of the server, `redis://host:port/database` or `rediss://` for TLS, for the `connect` of `useRedis`.
   * Default none.
   */
  readonly url?: string | undefined;
  /** The name of one of the `clients` that `useRedis` is given; counts before a `url`. Default none. */
  readonly client?: string | undefined;
  /** Before each key. Default `"kstlib:"`. */
  readonly keyPrefix?: string | undefined;
  /** How long an answer is waited for; a number is seconds. Default 250 ms. */
  readonly storeTimeout?: Duration | undefined;
}

/** Checked {@link RedisOptions}; milliseconds. */
export type RedisSettings = SettingsFor<
  RedisOptions,
  {
    name: string;
    url: string | undefined;
    client: string | undefined;
    keyPrefix: string;
    storeTimeout: number;
  }
>;

const ALLOWED = "an address such as redis://host:6379, or rediss:// for TLS";

const address: Rule<string | undefined> = custom({
  allowed: ALLOWED,
  file: { kind: "text" },
  parse(value, label) {
    if (typeof value === "string" && /^rediss?:\/\/./.test(value)) return value;
    throw new TypeError(unlike(label, ALLOWED, typeof value === "string" ? withoutPassword(value) : value));
  },
});

/** The rules of {@link RedisOptions}. */
export const redisRules: OptionRules<RedisSettings> = {
  name: text("redis"),
  url: address,
  client: optional(text(undefined)),
  keyPrefix: text("kstlib:"),
  storeTimeout: duration("250ms"),
};
