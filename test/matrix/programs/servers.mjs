// Servers that are drained: `servers.mjs <http|http2|health|fastify|websockets>`. `/slow` answers when a line comes on
// stdin.
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { GracefulShutdown, Health } from "@kstlib/resilience";
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
const health = new Health({ drainOn: shutdown.signal });

async function fastify() {
  const { default: create } = await import("fastify");
  const app = create();
  app.get("/", async () => "quick");
  app.get("/slow", (request, reply) => {
    slow.push(() => reply.send("slow"));
    say("slow");
  });
  app.addHook("onClose", async () => say("onClose"));
  shutdown.registerServer("server", app);
  await app.listen({ port: 0, host: "127.0.0.1" });
  return app.server;
}

async function websockets() {
  const { WebSocketServer } = await import("ws");
  const server = http.createServer(answer);
  shutdown.registerServer("sockets", new WebSocketServer({ server }), { priority: 1 });
  return listening(server, { priority: 2 });
}

async function listening(server, options = { priority: 1 }) {
  shutdown.registerServer("server", server, options);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

const servers = {
  http: () => listening(http.createServer(answer)),
  http2: () => listening(http2.createServer(answer)),
  health() {
    shutdown.register("work", () => new Promise((resolve) => slow.push(resolve)));
    return listening(http.createServer(health.handler()), { priority: 1000 });
  },
  fastify,
  websockets,
};

shutdown.register("database", () => say("database"), { priority: 150 });
shutdown.on("begin", () => say("begun"));
shutdown.on("callback", ({ result: { name, status, cut } }) => say("result", { name, status, cut }));
shutdown.install();
const server = await servers[process.argv[2]]();
say("listening", { port: server.address().port });
