import { randomBytes } from "node:crypto";
import { encodeState, type HeartbeatState } from "../../heartbeat-file/state.js";
import { defaultMaxAge } from "../../heartbeat-file/verdict.js";
import { Store } from "../store/store.js";
import { BEAT } from "./beat-script.js";
import { serviceKeys, servicesKey } from "./keys.js";
import { type RedisHeartbeatSinkOptions, resolveRequired, sinkRules, type SinkSettings } from "./options.js";
import { SERVICES } from "./services-script.js";

/**
 * Writes the beats of a heartbeat to Redis, for {@link HeartbeatRegistry} and `kstlib-resilience status redis://…` on any
 * machine: one script call a beat, and every key expires. The age of a beat is measured by the server's clock. A beat that
 * Redis does not take within `storeTimeout` is a missed beat; the next one is tried on schedule. Close the client after the
 * heartbeat has stopped, so that others see it as stopped.
 *
 * @throws TypeError or RangeError that names the option.
 * @example
 * ```ts no-check: needs a Redis server
 * import { createClient } from "redis";
 * import { Heartbeat } from "@kstlib/resilience";
 * import { RedisHeartbeatSink } from "@kstlib/resilience/redis";
 *
 * const client = await createClient({ url: process.env.REDIS_URL }).connect();
 * const heartbeat = new Heartbeat({ sinks: [new RedisHeartbeatSink({ client, service: "orders" })] });
 * heartbeat.start();
 * ```
 */
export class RedisHeartbeatSink implements Disposable {
  readonly #settings: SinkSettings;
  readonly #store: Store;
  readonly #keys: readonly string[];
  /** Tells apart two processes that have one name after the other. */
  readonly #writer: string = randomBytes(6).toString("hex");
  /** When the service was last noted among the services. */
  #noted: number | undefined;

  constructor(options: RedisHeartbeatSinkOptions) {
    const settings = resolveRequired("RedisHeartbeatSink", sinkRules, options, ["client", "service"]);
    const { client, keyPrefix, service, storeTimeout, clock } = settings;
    this.#settings = settings;
    this.#store = new Store(client, { storeTimeout, clock });
    this.#keys = serviceKeys(keyPrefix, service);
  }

  get service(): string {
    return this.#settings.service;
  }

  get instance(): string {
    return this.#settings.instance;
  }

  /**
   * Writes one beat; a {@link Heartbeat} calls it.
   *
   * @throws StoreError if Redis has not taken it within `storeTimeout`.
   */
  async write(state: HeartbeatState): Promise<void> {
    const { instance, expire } = this.#settings;
    const keep = Math.ceil(Math.max(expire, defaultMaxAge(state)));
    const status = state.status ?? "running";
    const beat = [instance, encodeState(state).trimEnd(), status, keep, this.#writer];
    await this.#store.run(BEAT, this.#keys, beat);
    // It only serves to find the service; the next beat tries again.
    await this.#note(keep).catch(() => undefined);
  }

  /** Ends what it does in the background while Redis is away; the client stays open. */
  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  /** Keeps the service among those that `HeartbeatRegistry.services` lists. */
  async #note(keep: number): Promise<void> {
    const { clock, keyPrefix, service } = this.#settings;
    const now = clock.now();
    if (this.#noted !== undefined && now - this.#noted < keep / 4) return;
    await this.#store.run(SERVICES, [servicesKey(keyPrefix)], [service, keep]);
    this.#noted = now;
  }
}
