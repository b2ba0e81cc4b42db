import { onTestFinished } from "vitest";
import { SharedKeyedRateLimiter } from "../../../src/redis/rate-limiter/shared-keyed-rate-limiter.js";
import type { SharedKeyedTier } from "../../../src/redis/rate-limiter/shared-options.js";
import { connect } from "../clients.js";
import { type Server, startServer } from "../servers/servers.js";

export type Names = "user" | "tenant";
export type Limiter = SharedKeyedRateLimiter<Names>;

/** With a limit of each user and one of each tenant, an hour's. */
export function make(client: object, user: number, tenant: number, own: object = {}): Limiter {
  const tiers: readonly SharedKeyedTier<Names>[] = [
    { by: "user", rate: user, per: "1h" },
    { by: "tenant", rate: tenant, per: "1h" },
  ];
  const limiter = new SharedKeyedRateLimiter({
    client,
    name: "clients",
    onStoreError: "closed",
    storeTimeout: 10,
    tiers,
    ...own,
  });
  onTestFinished(() => limiter.close());
  return limiter;
}

export async function setUp(
  user: number,
  tenant: number,
): Promise<{ limiter: Limiter; client: object; server: Server }> {
  const server = await startServer();
  const client = await connect("redis 6", server.port);
  return { limiter: make(client, user, tenant), client, server };
}

export const key = (user: string, tenant: string = "t1"): Record<Names, string> => ({ user, tenant });
