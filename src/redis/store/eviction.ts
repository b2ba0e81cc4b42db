import { warn } from "../../kernel/warning.js";
import { Script } from "./script.js";
import type { StoreClient } from "./store-client.js";

const MEMORY = new Script("return redis.call('INFO', 'memory')");

/** Clients whose server was looked at, or is. */
const checked = new WeakSet<StoreClient>();

/** Looks once at the server of a client, which answers for this key: one that drops keys when its memory is full is warned of. */
export function warnOfEviction(client: StoreClient, key: string): void {
  if (checked.has(client)) return;
  checked.add(client);
  const told = (reply: unknown): void => {
    const text = String(reply);
    const policy = /^maxmemory_policy:(\S+)/m.exec(text)?.[1];
    if (policy === undefined || policy === "noeviction" || /^maxmemory:0\b/m.test(text)) return;
    warn(
      "KSTLIB_STORE_EVICTS",
      `the server drops keys when its memory is full (maxmemory-policy is ${policy}): a limit that is dropped starts anew, with a full burst, and a circuit closed. Set it to noeviction.`,
    );
  };
  // A user who may not look is not told.
  client.run(MEMORY, [key], []).then(told, () => {});
}
