// A primary, its replica, and three sentinels that watch them.
import { startServer } from "./server.mjs";
import { until } from "../until.mjs";

/** @typedef {Awaited<ReturnType<typeof startSentinel>>} Sentinel */

/** The name under which the sentinels know the primary. */
const NAME = "main";

/** Starts all five on free ports; the sentinels agree by two that the primary is gone, after 1 s. */
export async function startSentinel() {
  /** @type {import("./server.mjs").Server[]} */
  const servers = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const primary = await startServer();
    servers.push(primary);
    const replica = await startServer({ args: ["--replicaof", "127.0.0.1", String(primary.port)] });
    servers.push(replica);
    await until("the replica is up to date", async () =>
      (await replica.command("INFO", "replication")).includes("master_link_status:up"),
    );
    const sentinels = [];
    const configuration = [
      `monitor ${NAME} 127.0.0.1 ${primary.port} 2`,
      `down-after-milliseconds ${NAME} 1000`,
      `failover-timeout ${NAME} 5000`,
    ]
      .map((line) => `sentinel ${line}\n`)
      .join("");
    for (let count = 0; count < 3; count++) {
      const sentinel = await startServer({ configuration, args: ["--sentinel"] });
      servers.push(sentinel);
      sentinels.push(sentinel);
    }
    await until("each sentinel knows the replica and the others", async () => {
      const reports = await Promise.all(sentinels.map((sentinel) => sentinel.command("INFO", "sentinel")));
      return reports.every((report) => report.includes("slaves=1,sentinels=3"));
    });
    const ports = sentinels.map(({ port }) => port);
    return { name: NAME, primary, replica, sentinels, ports, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
