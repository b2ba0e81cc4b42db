import { runScript } from "./run-script.js";
import type { StoreClient } from "./store-client.js";

/** What is used of a client of Valkey GLIDE. */
export interface Glide {
  customCommand(args: string[]): Promise<unknown>;
}

/** A client of Valkey GLIDE, of one server or a cluster. */
export function glideClient(client: Glide): StoreClient {
  return {
    // Its client of a cluster routes a command with keys in one slot only.
    isCluster: client.constructor.name === "GlideClusterClient",
    // It does not tell; its own timeout ends what it cannot send.
    isReady: true,
    run: runScript(
      (sha, keys, args) => client.customCommand(["EVALSHA", sha, String(keys.length), ...keys, ...args]),
      (source, keys, args) => client.customCommand(["EVAL", source, String(keys.length), ...keys, ...args]),
    ),
    subscribe: () =>
      Promise.reject(
        new TypeError(
          "Valkey GLIDE takes its subscriptions when a client is made. Use a client of redis, ioredis or iovalkey.",
        ),
      ),
  };
}
