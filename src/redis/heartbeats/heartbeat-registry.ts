import { resolveOptions } from "../../kernel/options.js";
import { Store } from "../store/store.js";
import { HeartbeatWatch } from "./heartbeat-watch.js";
import { type HeartbeatInstance, judgeInstance, type Listing, readListing } from "./instances.js";
import { serviceKeys, servicesKey } from "./keys.js";
import { LIST } from "./list-script.js";
import {
  type HeartbeatRegistryOptions,
  type HeartbeatServicesOptions,
  type HeartbeatWatchOptions,
  isInstanceName,
  registryRules,
  type RegistrySettings,
  resolveRequired,
  servicesRules,
  watchRules,
} from "./options.js";
import { FROM_THE_BEGINNING, Roll } from "./roll.js";
import { SERVICES } from "./services-script.js";

const byName = (a: HeartbeatInstance, b: HeartbeatInstance): number => (a.instance < b.instance ? -1 : 1);

/**
 * Shows the instances of a service whose heartbeats go to Redis through a {@link RedisHeartbeatSink}, on whatever machine
 * they run. Ages are measured by the server's clock, so that clocks that differ change nothing.
 *
 * @throws TypeError or RangeError that names the option.
 * @example
 * ```ts no-check: needs a Redis server
 * import { createClient } from "redis";
 * import { HeartbeatRegistry } from "@kstlib/resilience/redis";
 *
 * const client = await createClient({ url: process.env.REDIS_URL }).connect();
 * const registry = new HeartbeatRegistry({ client, service: "orders" });
 * for (const { instance, status, age } of await registry.list()) console.log(instance, status, age);
 * await using watch = registry.watch();
 * watch.on("lost", ({ instance, age }) => console.log(`${instance} has not beaten for ${age} s`));
 * ```
 */
export class HeartbeatRegistry implements Disposable {
  readonly #settings: RegistrySettings;
  readonly #store: Store;
  readonly #keys: readonly string[];

  constructor(options: HeartbeatRegistryOptions) {
    const settings = resolveRequired("HeartbeatRegistry", registryRules, options, ["client", "service"]);
    const { client, keyPrefix, service, storeTimeout, clock } = settings;
    this.#settings = settings;
    this.#store = new Store(client, { storeTimeout, clock });
    this.#keys = serviceKeys(keyPrefix, service);
  }

  get service(): string {
    return this.#settings.service;
  }

  /**
   * All instances that the store remembers, also those that have stopped or are silent, by name.
   *
   * @throws StoreError if Redis does not answer within `storeTimeout`.
   */
  async list(): Promise<readonly HeartbeatInstance[]> {
    const { now, found } = await this.#read(FROM_THE_BEGINNING);
    const judged = found.map((stored) => judgeInstance(stored, now, this.#settings.maxAge));
    return Object.freeze(judged.toSorted(byName));
  }

  /**
   * One instance; `null` if the store does not know it.
   *
   * @throws StoreError if Redis does not answer within `storeTimeout`.
   */
  async get(instance: string): Promise<HeartbeatInstance | null> {
    const { now, found } = await this.#read("", instance);
    const [stored] = found;
    return stored === undefined ? null : judgeInstance(stored, now, this.#settings.maxAge);
  }

  /**
   * Begins to look at the instances, and tells what becomes of them until it is closed. It does not keep the process alive,
   * but the client's connection does.
   *
   * @throws TypeError or RangeError that names the option.
   */
  watch(options?: HeartbeatWatchOptions): HeartbeatWatch {
    const { interval } = resolveOptions("watch", watchRules, options);
    const { client, clock, maxAge, service } = this.#settings;
    return new HeartbeatWatch({
      owner: `watch of ${JSON.stringify(service)}`,
      service,
      roll: new Roll(maxAge),
      read: (from) => this.#read(from),
      subscribe: (channel, listener) => client.subscribe(channel, listener),
      interval,
      clock,
    });
  }

  /**
   * The services that have instances, by name.
   *
   * @throws StoreError if Redis does not answer within `storeTimeout`.
   */
  static async services(options: HeartbeatServicesOptions): Promise<readonly string[]> {
    const component = "HeartbeatRegistry.services";
    const { client, keyPrefix, ...rest } = resolveRequired(component, servicesRules, options, ["client"]);
    using store = new Store(client, rest);
    const reply = await store.run(SERVICES, [servicesKey(keyPrefix)], []);
    return Array.isArray(reply) ? reply.map(String).filter(isInstanceName).toSorted() : [];
  }

  /** Ends what it does in the background while Redis is away; the client stays open. */
  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  async #read(...args: readonly (string | number)[]): Promise<Listing> {
    return readListing(await this.#store.run(LIST, this.#keys, args));
  }
}
