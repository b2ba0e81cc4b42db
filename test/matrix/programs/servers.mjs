// Servers that are drained: `servers.mjs <http|http2|health>`. `/slow` answers when a line comes on stdin.
import http from "node:http";
import http2 from "node:http2";
import { GracefulShutdown } from "@kstlib/resilience";
import { say } from "./say.mjs";

const slow = [];
process.stdin.on("data", () => {
  for (const finish of slow.splice(0)) finish();
});

function answer(request, response) {
  if (request.url !== "/slow") return response.end("quick");
  slow.push(() => response.end("slow"));
  say("slow");
}

const shutdown = new GracefulShutdown({ timeout: 20 });
const health = shutdown.healthHandler();

const servers = {
  http: () => http.createServer(answer),
  http2: () => http2.createServer(answer),
  health: () => http.createServer(health),
};
const kind = process.argv[2];
const server = servers[kind]();
shutdown.registerServer("server", server, { priority: kind === "health" ? 1000 : 1 });
if (kind === "health") shutdown.register("work", () => new Promise((resolve) => slow.push(resolve)));
shutdown.register("database", () => say("database"));
shutdown.on("begin", () => say("begun"));
shutdown.install();
server.listen(0, "127.0.0.1", () => say("listening", { port: server.address().port }));
