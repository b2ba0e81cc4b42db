// Six nodes: three primaries with a replica each.
import { startServer } from "./server.mjs";
import { until } from "../until.mjs";

const SLOTS = 16_384;
// A primary that is silent for 1 s loses its place to a replica.
const ARGS =
  "--cluster-enabled yes --cluster-config-file nodes.conf --cluster-node-timeout 1000 --cluster-require-full-coverage no".split(
    " ",
  );

/** @typedef {Awaited<ReturnType<typeof startCluster>>} Cluster */

/** Starts six nodes on free ports; the first three are the primaries, the fourth replicates the first, and so on. */
export async function startCluster() {
  const started = await Promise.allSettled(Array.from({ length: 6 }, () => startServer({ args: ARGS })));
  const nodes = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (const result of started) if (result.status === "rejected") throw result.reason;
    await join(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, ports: nodes.map(({ port }) => port), stop, [Symbol.asyncDispose]: stop };
}

/** @param {readonly import("./server.mjs").Server[]} nodes */
async function join(nodes) {
  const [first] = nodes;
  const ids = await Promise.all(nodes.map((node) => node.command("CLUSTER", "MYID")));
  // Two nodes of one epoch would first have to agree who has it.
  for (const [index, node] of nodes.entries()) await node.command("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
  for (const [index, node] of nodes.slice(0, 3).entries()) {
    const from = Math.ceil((SLOTS * index) / 3);
    const slots = Array.from({ length: Math.ceil((SLOTS * (index + 1)) / 3) - from }, (_, i) => from + i);
    await node.command("CLUSTER", "ADDSLOTS", ...slots);
  }
  for (const node of nodes.slice(1)) await first?.command("CLUSTER", "MEET", "127.0.0.1", node.port);
  const eachKnows = (count, pattern) =>
    until(`all nodes know ${count} of ${pattern}`, async () => {
      const views = await Promise.all(nodes.map((node) => node.command("CLUSTER", "NODES")));
      return views.every((view) => [...view.matchAll(pattern)].length === count);
    });
  await eachKnows(6, /\bconnected\b/g);
  for (const [index, node] of nodes.slice(3).entries())
    await until(
      "it replicates",
      async () => (await node.command("CLUSTER", "REPLICATE", ids[index])) === "OK",
    );
  await eachKnows(3, /\bslave\b/g);
  await until("all replicas are up to date", async () => {
    const reports = await Promise.all(nodes.slice(3).map((node) => node.command("INFO", "replication")));
    return reports.every((report) => report.includes("master_link_status:up"));
  });
  await until("the cluster is ok", async () => {
    const reports = await Promise.all(nodes.map((node) => node.command("CLUSTER", "INFO")));
    return reports.every((report) => report.includes("cluster_state:ok"));
  });
}
