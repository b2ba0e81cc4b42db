import { warn } from "../../kernel/warning.js";
import { Script } from "./script.js";
import type { StoreClient } from "./store-client.js";

/** By a script, since each kind of client calls INFO in its own way. */
const MEMORY = new Script("return redis.call('INFO', 'memory')");

const asked = new WeakSet<StoreClient>();

/**
 * Warns, once for each client, of a server that removes keys when its memory is full: the limits, circuits and heartbeats
 * behind them are then forgotten, and nothing tells.
 */
export function warnOfEviction(client: StoreClient, key: string): void {
  if (asked.has(client)) return;
  asked.add(client);
  const ask = async (): Promise<void> => {
    let reply: unknown;
    try {
      reply = await client.run(MEMORY, [key], []);
    } catch {
      // The user may lack the right to ask.
      return;
    }
    const memory = String(reply);
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? "noeviction";
    if (policy === "noeviction" || !/^maxmemory:[1-9]/m.test(memory)) return;
    warn(
      "KSTLIB_STORE_EVICTS",
      `the server of Redis may remove keys (maxmemory-policy ${policy}), and forgets limits and states with them. Set maxmemory-policy noeviction, or use a server of its own.`,
    );
  };
  void ask();
}
