// A cluster: the primary tells its workers to drain, waits for them, then runs its own callbacks.
import assert from "node:assert/strict";
import cluster from "node:cluster";
import { once } from "node:events";
import http from "node:http";
import { GracefulShutdown } from "@kstlib/resilience";

const get = (port) =>
  new Promise((resolve, reject) => {
    http
      .get({ port, host: "127.0.0.1", agent: false }, (response) => {
        response.setEncoding("utf8").on("data", (text) => resolve(text));
      })
      .on("error", reject);
  });

if (cluster.isPrimary) {
  // 143 is 128 + the number of SIGTERM; here it should be 0.
  const exit = (code) => process.exit(code === 143 ? 0 : code);
  const shutdown = new GracefulShutdown({ timeout: 10, exit });
  shutdown.registerCluster("workers", cluster, { priority: 10, timeout: 5 });
  shutdown.register("database", () => console.log("primary: database closed"), { priority: 20 });
  shutdown.on("complete", ({ report: { results } }) => {
    for (const { name, status, members = [] } of results) {
      console.log(`${name}: ${status}`);
      for (const member of members)
        console.log(`  ${member.name} ${member.fate} (exit code ${member.exitCode})`);
    }
  });
  shutdown.install();

  // Replace a worker that crashes, but not during the shutdown.
  cluster.on("exit", () => {
    if (!shutdown.isShuttingDown) cluster.fork();
  });
  const workers = [cluster.fork(), cluster.fork()];
  const [[{ port }]] = await Promise.all(workers.map((worker) => once(worker, "listening")));

  const answers = [1, 2, 3, 4].map(() => get(port));
  await answers[0];
  process.kill(process.pid, "SIGTERM");
  for (const answer of await Promise.all(answers)) {
    console.log(answer);
    assert.match(answer, /^worker \d answers$/);
  }
} else {
  const server = http.createServer((_request, response) => {
    setTimeout(() => response.end(`worker ${cluster.worker.id} answers`), 50);
  });
  const shutdown = new GracefulShutdown({ timeout: 10 });
  shutdown.registerServer("http", server);
  shutdown.install();
  server.listen(0, "127.0.0.1");
}
