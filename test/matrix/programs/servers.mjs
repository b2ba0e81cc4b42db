// Servers that are drained: `servers.mjs <http|http2>`. `/slow` answers when a line comes on stdin.
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

const server = process.argv[2] === "http2" ? http2.createServer(answer) : http.createServer(answer);
const shutdown = new GracefulShutdown({ timeout: 20 });
shutdown.registerServer("server", server, { priority: 1 });
shutdown.register("database", () => say("database"));
shutdown.on("begin", () => say("begun"));
shutdown.install();
server.listen(0, "127.0.0.1", () => say("listening", { port: server.address().port }));
