// What 100 clients that keep their connections see of a server's SIGTERM: by node:http alone, which cuts idle
// connections, and by registerServer. "Failed" are requests that were sent and not answered; a new connection
// that is refused is not one.
import { fork } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { GracefulShutdown } from "@kstlib/resilience";
import { quick, report } from "../measure.mjs";

const CLIENTS = 100;
/** How long one that does not end is waited for, in milliseconds. */
const LIMIT = 4000;

function serve(mode) {
  const server = http.createServer((_request, response) => {
    setTimeout(() => response.end("answer"), 10 * Math.random());
  });
  if (mode === "node") {
    process.once("SIGTERM", () => server.close(() => process.exit(143)));
  } else {
    const shutdown = new GracefulShutdown({ timeout: 10 });
    shutdown.registerServer("http", server, mode === "at once" ? { idleGrace: 0 } : {});
    shutdown.install();
  }
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
}

/** Asks over and over on one connection, with pauses of at most `pause` milliseconds, until it is refused. */
async function client(port, pause, counts, isOver) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let outcome = "answered"; outcome !== "ECONNREFUSED" && !isOver();) {
    outcome = await new Promise((resolve) => {
      const request = http.get({ port, host: "127.0.0.1", agent }, (response) => {
        response.resume().on("end", () => resolve("answered"));
        response.on("error", ({ code }) => resolve(code));
      });
      request.on("error", ({ code }) => resolve(code));
    });
    if (outcome === "answered") counts.answered += 1;
    else if (outcome !== "ECONNREFUSED") counts.failed += 1;
    await sleep(pause * Math.random());
  }
  agent.destroy();
}

async function drain(mode, pause) {
  const child = fork(import.meta.filename, [mode]);
  const [port] = await once(child, "message");
  const counts = { answered: 0, failed: 0 };
  let isOver = false;
  const clients = Array.from({ length: CLIENTS }, () => client(port, pause, counts, () => isOver));
  await sleep(quick ? 300 : 1000);
  const start = performance.now();
  child.kill("SIGTERM");
  const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT);
  await once(child, "exit");
  clearTimeout(limit);
  const milliseconds = performance.now() - start;
  isOver = true;
  await Promise.all(clients);
  return { ...counts, milliseconds };
}

if (process.send === undefined) {
  const rows = [];
  for (const pause of [5, 200]) {
    for (const [mode, label] of [
      ["node", "server.close()"],
      ["at once", "idleGrace: 0"],
      ["grace", "registerServer"],
    ]) {
      const { failed, milliseconds } = await drain(mode, pause);
      const id = `${mode.replace(" ", "-")}-${pause}`;
      const what = `${label}, pauses up to ${pause} ms`;
      const bound = mode === "grace" ? { max: 0 } : {};
      rows.push({ id: `failed-${id}`, label: `${what}: failed requests`, value: failed, unit: "", ...bound });
      rows.push({ id: `time-${id}`, label: `${what}: time to end`, value: milliseconds, unit: "ms" });
    }
  }
  report(rows);
} else {
  serve(process.argv[2]);
}
