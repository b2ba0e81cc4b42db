import { configuredLayers } from "../kernel/configured.js";
import { checkKeys, checkSame, resolveOptions } from "../kernel/options.js";
import { show } from "../kernel/show.js";
import { redisRules, type RedisSettings } from "../redis-section/options.js";
import type { SharedKeyedRateLimiter } from "./rate-limiter/shared-keyed-rate-limiter.js";
import type { SharedKeyedRateLimiterOptions } from "./rate-limiter/shared-options.js";
import { storeClient } from "./store/client.js";

/** Options of {@link useRedis}. */
export interface UseRedisOptions {
  /** Which instance of the configuration's section `redis` says the rest. Default `"redis"`. */
  readonly name?: string | undefined;
  /** The client, whatever the configuration says; it stays the application's. */
  readonly client?: object | undefined;
  /** Clients by the names that the configuration may choose from; they stay the application's. */
  readonly clients?: Readonly<Record<string, object>> | undefined;
  /** Makes a client, connected or about to be, where the configuration has a `url`; it is closed with the components. */
  readonly connect?: ((url: string) => object | Promise<object>) | undefined;
}

/** What a shared component is given by {@link SharedComponents}. */
interface StoreGiven {
  readonly client: object;
  readonly name: string;
  readonly keyPrefix?: string | undefined;
  readonly storeTimeout?: RedisSettings["storeTimeout"] | string | undefined;
}

/** The class of a shared component, such as `SharedRateLimiter`. */
export type SharedClass<Options extends object, Component> = new (options: Options & StoreGiven) => Component;

type Overrides<Options extends object> = Omit<Options, keyof StoreGiven> &
  Partial<Pick<StoreGiven, "keyPrefix" | "storeTimeout">>;

interface Closable {
  close?(): unknown;
}

interface Closing extends Closable {
  destroy?(): unknown;
  disconnect?(): unknown;
}

interface Made {
  readonly component: unknown;
  readonly overrides: object;
}

/** The shared components of an application, each made once for its name; made by {@link useRedis}. */
export class SharedComponents implements AsyncDisposable {
  readonly #given: Omit<Required<StoreGiven>, "name">;
  readonly #release: () => void;
  readonly #byClass = new Map<object, Map<string, Made>>();
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(client: object, { keyPrefix, storeTimeout }: RedisSettings, release: () => void) {
    this.#given = { client, keyPrefix, storeTimeout: `${storeTimeout}ms` };
    this.#release = release;
  }

  /** The client, for what else the application does with it. */
  get client(): object {
    return this.#given.client;
  }

  /**
   * The component of that class and name, made when it is first asked for; `overrides` count then. What the configuration
   * says of it is read by its class.
   *
   * @throws TypeError or RangeError as its constructor, and TypeError for other overrides than it was made with, or after
   * `close()`.
   */
  get<By extends string = never>(
    kind: typeof SharedKeyedRateLimiter,
    name: string,
    overrides?: Overrides<SharedKeyedRateLimiterOptions<By>>,
  ): SharedKeyedRateLimiter<By>;
  get<Options extends object, Component>(
    kind: SharedClass<Options, Component>,
    name: string,
    overrides?: Overrides<Options>,
  ): Component;
  get<Options extends object, Component>(
    kind: SharedClass<Options, Component>,
    name: string,
    overrides: Overrides<Options> = {} as Overrides<Options>,
  ): Component {
    if (this.#closing !== undefined) throw new TypeError("these shared components are closed.");
    const byName = this.#byClass.get(kind) ?? new Map<string, Made>();
    this.#byClass.set(kind, byName);
    const found = byName.get(name);
    if (found !== undefined) {
      checkSame(`${kind.name} ${show(name)}`, found.overrides, overrides);
      // Nothing but this class makes what is kept under it.
      return found.component as Component;
    }
    const { keyPrefix = this.#given.keyPrefix, storeTimeout = this.#given.storeTimeout } = overrides;
    const given = { ...this.#given, ...overrides, name, keyPrefix, storeTimeout };
    const component = new kind(given as Options & StoreGiven);
    byName.set(name, { component, overrides: { ...overrides } });
    return component;
  }

  /** Closes all components, then the client if it was made by `url`. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const all = [...this.#byClass.values()].flatMap((byName) => [...byName.values()]);
    const results = await Promise.allSettled(
      all.map(async ({ component }) => (component as Closable).close?.()),
    );
    this.#release();
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }
}

/**
 * Makes the components that the processes of an application share in Redis, by the section `redis` of the process-wide
 * configuration, as `configure` has set it:
 * with its `url` by `connect`, with its `client` by one of `clients`; or by the `client` given.
 *
 * A limiter or a circuit whose configuration says `shared: true` is made here, and `new RateLimiter`, `new CircuitBreaker`
 * and `Registry` refuse to make one for their process alone.
 *
 * @throws TypeError (as a rejection) if there is no client, or it is none that is known; what `connect` throws.
 * @example
 * ```ts no-check: needs a Redis server
 * import { SharedRateLimiter, useRedis } from "@kstlib/resilience/redis";
 * import { createClient } from "redis";
 *
 * const main = await createClient({ url: process.env.REDIS_URL }).connect();
 * await using redis = await useRedis({ clients: { main } });
 * const limiter = redis.get(SharedRateLimiter, "exchange");
 * await limiter.execute(() => fetch("https://exchange.example/ticker"));
 * ```
 */
export async function useRedis(options: UseRedisOptions = {}): Promise<SharedComponents> {
  checkKeys("useRedis", { name: true, client: true, clients: true, connect: true }, options);
  const { name = "redis", client, clients = {}, connect }: UseRedisOptions = options;
  const layers = configuredLayers("redis", { name });
  const settings = resolveOptions("useRedis", redisRules, { name }, layers);
  const chosen = client ?? (settings.client === undefined ? undefined : choose(clients, settings.client));
  if (chosen !== undefined) {
    storeClient(chosen);
    return new SharedComponents(chosen, settings, () => undefined);
  }
  const { url } = settings;
  if (url === undefined) {
    throw new TypeError(
      "useRedis needs a client: give one in the option client, or name one in the section redis of the configuration by url or client.",
    );
  }
  if (typeof connect !== "function") {
    throw new TypeError(
      "useRedis needs the option connect for the url of the configuration, such as (url) => createClient({ url }).connect().",
    );
  }
  const made = await connect(url);
  storeClient(made);
  return new SharedComponents(made, settings, () => end(made));
}

/** Ends a connection at once, however its client calls that. */
function end(client: object & Closing): void {
  if (client.destroy !== undefined) {
    try {
      client.destroy();
    } catch {
      // That of node-redis 5 throws when it is closed already.
    }
  } else if (client.disconnect !== undefined)
    void Promise.resolve(client.disconnect()).catch(() => undefined);
  else client.close?.();
}

function choose(clients: Readonly<Record<string, object>>, name: string): object {
  const found = Object.hasOwn(clients, name) ? clients[name] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(clients).join(", ") || "none";
  throw new TypeError(
    `redis.client is ${show(name)} in the configuration; the clients of useRedis are ${known}.`,
  );
}
