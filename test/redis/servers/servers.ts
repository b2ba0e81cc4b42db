import { fileURLToPath } from "node:url";
import { onTestFinished, TestRunner } from "vitest";
import { type Cluster, startCluster as cluster } from "../../../scripts/redis/cluster.mjs";
import { type Sentinel, startSentinel as sentinel } from "../../../scripts/redis/sentinel.mjs";
import {
  findServer,
  type Server,
  type ServerOptions,
  startServer as server,
} from "../../../scripts/redis/server.mjs";

export type { Cluster, Sentinel, Server };

/** Tests of Redis are skipped where there is none: `describe.skipIf(!hasRedis)`. */
export const hasRedis: boolean = findServer("redis") !== undefined;
export const hasValkey: boolean = findServer("valkey") !== undefined;

const inThisFolder = (name: string) => fileURLToPath(new URL(`tls/${name}`, import.meta.url));

/** For `tls` of a server and, as `ca: cert`, of its clients: signed by itself, for localhost and 127.0.0.1. */
export const certificate = { key: inThisFolder("key.pem"), cert: inThisFolder("cert.pem") } as const;

/** What a test starts ends with it; what a hook starts ends in `afterAll`, or else with the test file's process. */
async function untilTestEnds<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  if (TestRunner.getCurrentTest() !== undefined) onTestFinished(() => started.stop());
  return started;
}

export const startServer = (options?: ServerOptions): Promise<Server> => untilTestEnds(server(options));
export const startCluster = (): Promise<Cluster> => untilTestEnds(cluster());
export const startSentinel = (): Promise<Sentinel> => untilTestEnds(sentinel());
