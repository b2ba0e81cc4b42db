import { unlike } from "../../kernel/show.js";
import { type Glide, glideClient } from "./glide.js";
import { type Ioredis, ioredisClient } from "./ioredis.js";
import { type NodeRedis, nodeRedisClient } from "./node-redis.js";
import type { StoreClient } from "./store-client.js";

export type { StoreClient } from "./store-client.js";

function can<Client extends object>(client: object, ...methods: (keyof Client & string)[]): client is Client {
  return methods.every((method) => typeof Reflect.get(client, method) === "function");
}

const known = new WeakMap<object, StoreClient>();

function adapt(client: object): StoreClient | undefined {
  if (can<NodeRedis>(client, "evalSha", "eval")) return nodeRedisClient(client);
  if (can<Ioredis>(client, "evalsha", "eval", "duplicate")) return ioredisClient(client);
  return can<Glide>(client, "customCommand") ? glideClient(client) : undefined;
}

/**
 * The client of the application, told apart by what it can do, whatever class and version it is.
 *
 * @throws TypeError when it is none of those that are known.
 */
export function storeClient(client: unknown): StoreClient {
  if (typeof client === "object" && client !== null) {
    const adapted = known.get(client) ?? adapt(client);
    if (adapted !== undefined) {
      known.set(client, adapted);
      return adapted;
    }
  }
  throw new TypeError(
    unlike("client", "a client of redis (4 or newer), ioredis, iovalkey or @valkey/valkey-glide", client),
  );
}
