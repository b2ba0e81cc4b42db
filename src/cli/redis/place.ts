import { realClock } from "../../kernel/clock.js";
import { isError } from "../../kernel/is-error.js";
import { messageOf } from "../../kernel/message-of.js";
import { HeartbeatRegistry } from "../../redis/heartbeats/heartbeat-registry.js";
import type { HeartbeatInstance } from "../../redis/heartbeats/instances.js";
import { type Terminal, UsageError } from "../command.js";
import type { Look } from "../look.js";
import { connect, type Connection } from "./connect.js";
import { parseRedisTarget, type RedisTarget } from "./target.js";

/** How instances are found and judged. */
export interface PlaceOptions {
  /** Milliseconds; `undefined` for three intervals of each instance. */
  readonly maxAge: number | undefined;
  readonly keyPrefix: string | undefined;
  /** Whether it connects again when the connection is lost. */
  readonly keeps: boolean;
}

/** How long an answer is waited for. */
const PATIENCE = "2s";

/** What the server or the client has said, not that the store failed. */
function reasonFor(error: unknown): string {
  const cause = isError(error) && error.name === "StoreError" ? error.cause : undefined;
  return messageOf(cause ?? error);
}

/** One address of Redis on the command line, with its own connection. */
export class Place {
  readonly #target: RedisTarget;
  readonly #cwd: string;
  readonly #options: PlaceOptions;
  readonly #registries = new Map<string, HeartbeatRegistry>();
  #connection: Connection | undefined;

  /** @throws UsageError for an address that is none. */
  constructor(text: string, { cwd, env }: Terminal, options: PlaceOptions) {
    this.#target = parseRedisTarget(text, env);
    this.#cwd = cwd;
    this.#options = options;
  }

  /** The address without credentials. */
  get shown(): string {
    const { server, service, instance } = this.#target;
    return [server, service, instance].filter((part) => part !== undefined).join("/");
  }

  get target(): RedisTarget {
    return this.#target;
  }

  /**
   * The instances that the address names, as files are looked at.
   *
   * @throws UsageError if the project has no client; an error that says why there is no answer.
   */
  async look(): Promise<readonly Look[]> {
    const { service, instance } = this.#target;
    try {
      this.#connection ??= await connect(this.#target.url, this.#cwd, this.#options.keeps);
      const { client } = this.#connection;
      const services = service === undefined ? await this.#services(client) : [service];
      const lists = await Promise.all(
        services.map(async (name) => {
          const found = await this.#instances(client, name, instance);
          return found.map((one) => this.#look(name, one));
        }),
      );
      return lists.flat();
    } catch (error) {
      if (UsageError.is(error)) throw error;
      throw new Error(reasonFor(error), { cause: error });
    }
  }

  close(): void {
    for (const registry of this.#registries.values()) registry[Symbol.dispose]();
    this.#connection?.close();
    this.#connection = undefined;
  }

  #services(client: object): Promise<readonly string[]> {
    return HeartbeatRegistry.services({
      client,
      keyPrefix: this.#options.keyPrefix,
      storeTimeout: PATIENCE,
    });
  }

  async #instances(
    client: object,
    service: string,
    instance: string | undefined,
  ): Promise<readonly HeartbeatInstance[]> {
    const registry = this.#registries.get(service) ?? this.#registry(client, service);
    if (instance === undefined) return registry.list();
    const found = await registry.get(instance);
    return found === null ? [] : [found];
  }

  #registry(client: object, service: string): HeartbeatRegistry {
    const { maxAge, keyPrefix } = this.#options;
    try {
      const registry = new HeartbeatRegistry({
        client,
        service,
        keyPrefix,
        maxAge: maxAge === undefined ? undefined : `${maxAge}ms`,
        storeTimeout: PATIENCE,
        clock: realClock,
      });
      this.#registries.set(service, registry);
      return registry;
    } catch (error) {
      throw new UsageError(messageOf(error), { cause: error });
    }
  }

  #look(service: string, { instance, ...check }: HeartbeatInstance): Look {
    const reason = check.state === null ? { reason: "its state cannot be read" } : {};
    return { ...check, ...reason, file: `${this.#target.server}/${service}/${instance}` };
  }
}

/** The name of an instance in a table: its own, or with its service where that is not the same for all. */
export function nameIn({ file }: Look, { target }: Place): string {
  // Anybody can have written a name with a slash, which must not look like another's.
  const [service = "", ...rest] = file.slice(target.server.length + 1).split("/");
  const instance = rest.join("/");
  return target.service === undefined ? `${service}/${instance}` : instance;
}
