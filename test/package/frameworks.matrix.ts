import { describe, expect, test } from "vitest";
import { PRELUDE } from "./framework-program.js";
import { Project } from "./project.js";

const END = ["database closed", "database done", "exit 143"];

/** Installs the packages and runs a program with them to its end; returns its lines, without the client's. */
async function run(program: string, ...packages: readonly string[]): Promise<readonly string[]> {
  const project = new Project().install(...packages);
  project.write("app.mjs", PRELUDE + program);
  const started = project.node("app.mjs");
  await started.end();
  expect(started.stderr).toBe("");
  return started.stdout.trim().split("\n");
}

describe("registerServer with frameworks of the registry", () => {
  test.each([
    [
      "Express 5",
      ["express@5"],
      `import express from "express";
const app = express();
app.get("/slow", async (_, response) => response.send(await slow()));
app.get("/quick", (_, response) => response.send("quick"));
const server = app.listen(0, "127.0.0.1");`,
    ],
    [
      "Koa",
      ["koa@3"],
      `import Koa from "koa";
const app = new Koa();
app.use(async (context) => { context.body = context.path === "/slow" ? await slow() : "quick"; });
const server = app.listen(0, "127.0.0.1");`,
    ],
    [
      "Hono on Node",
      ["hono@4", "@hono/node-server@1"],
      `import { Hono } from "hono";
import { serve } from "@hono/node-server";
const app = new Hono();
app.get("/slow", async (context) => context.text(await slow()));
app.get("/quick", (context) => context.text("quick"));
const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });`,
    ],
    [
      "Apollo with Express",
      ["@apollo/server@5", "@as-integrations/express5@1", "express@5", "graphql@16"],
      `import express from "express";
import { ApolloServer } from "@apollo/server";
import { expressMiddleware } from "@as-integrations/express5";
const apollo = new ApolloServer({ typeDefs: "type Query { slow: String }", resolvers: { Query: { slow } } });
await apollo.start();
const app = express();
app.use("/graphql", express.json(), expressMiddleware(apollo));
app.get("/slow", async (_, response) => response.send((await apollo.executeOperation({ query: "{ slow }" })).body.singleResult.data.slow));
app.get("/quick", (_, response) => response.send("quick"));
const server = app.listen(0, "127.0.0.1");
shutdown.register("apollo", () => apollo.stop(), { priority: 150 });`,
    ],
  ])("drains %s", async (_, packages, program) => {
    const lines = await run(
      `${program}
shutdown.registerServer("http", server);
if (!server.listening) await once(server, "listening");
await clients(server.address().port, arrival);
begin();`,
      ...packages,
    );
    expect(lines.filter((line) => line !== "slow close" && line !== "apollo done")).toEqual([
      "answered",
      "http done",
      ...END,
    ]);
    expect(lines).toContain("slow close");
  });

  const nest = (listen: string): string => `
import "reflect-metadata";
import { Controller, Get, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
class Routes { slow() { return slow(); } quick() { return "quick"; } }
Controller()(Routes);
for (const name of ["slow", "quick"]) Get(name)(Routes.prototype, name, Object.getOwnPropertyDescriptor(Routes.prototype, name));
class Hooks {
  onModuleDestroy() { console.log("onModuleDestroy"); }
  beforeApplicationShutdown(signal) { console.log("beforeApplicationShutdown", signal); }
  onApplicationShutdown(signal) { console.log("onApplicationShutdown", signal); }
}
class App {}
${listen}
await clients(app.getHttpServer().address().port, arrival);
begin();`;
  const HOOKS = ["onModuleDestroy", "beforeApplicationShutdown SIGTERM", "onApplicationShutdown SIGTERM"];
  const NEST = ["@nestjs/core@11", "@nestjs/common@11", "reflect-metadata", "rxjs"];

  test.each([
    ["on Express, before it listens", "@nestjs/platform-express@11", "", "before"],
    ["on Express, once it listens", "@nestjs/platform-express@11", "", "after"],
    ["on Express, with forceCloseConnections", "@nestjs/platform-express@11", "", "force"],
    [
      "on Fastify",
      "@nestjs/platform-fastify@11",
      `import { FastifyAdapter } from "@nestjs/platform-fastify";`,
      "fastify",
    ],
  ])("drains Nest %s: its hooks run once, behind the answers", async (_, platform, imports, how) => {
    const adapter = how === "fastify" ? "new FastifyAdapter(), " : "";
    const register = `shutdown.registerServer("nest", app);`;
    const lines = await run(
      imports +
        nest(`
Module({ controllers: [Routes], providers: [Hooks] })(App);
const app = await NestFactory.create(App, ${adapter}{ logger: false, forceCloseConnections: ${how === "force"} });
${how === "after" ? "" : register}
await app.listen(0, "127.0.0.1");
${how === "after" ? register : ""}`),
      platform,
      ...NEST,
    );
    expect(lines.filter((line) => line !== "slow close")).toEqual([
      "answered",
      ...HOOKS,
      "nest done",
      ...END,
    ]);
    expect(lines).toContain("slow close");
  });

  test.each([
    ["ws", "@nestjs/platform-ws@11", `import { WsAdapter } from "@nestjs/platform-ws";`],
    ["socket.io", "@nestjs/platform-socket.io@11", ""],
  ])("drains Nest with a gateway of %s", async (kind, platform, imports) => {
    const client =
      kind === "ws"
        ? `const { WebSocket } = await import("ws");
const client = new WebSocket("ws://127.0.0.1:" + app.getHttpServer().address().port);
seen.push(once(client, "close").then(([code]) => console.log("socket closed", code)));
await once(client, "open");`
        : `const { io } = await import("socket.io-client");
const client = io("http://127.0.0.1:" + app.getHttpServer().address().port, { transports: ["websocket"], reconnection: false });
seen.push(new Promise((resolve) => client.on("disconnect", resolve)).then(() => console.log("socket closed")));
await new Promise((resolve) => client.on("connect", resolve));`;
    const lines = await run(
      `${imports}
import { WebSocketGateway } from "@nestjs/websockets";` +
        nest(`
class Gateway {}
WebSocketGateway()(Gateway);
Module({ controllers: [Routes], providers: [Hooks, Gateway] })(App);
const app = await NestFactory.create(App, { logger: false });
${kind === "ws" ? "app.useWebSocketAdapter(new WsAdapter(app));" : ""}
shutdown.registerServer("nest", app);
await app.listen(0, "127.0.0.1");
${client}`),
      platform,
      "@nestjs/websockets@11",
      "@nestjs/platform-express@11",
      "ws@8",
      "socket.io-client@4",
      ...NEST,
    );
    const ofClients = lines.filter((line) => line === "slow close" || line.startsWith("socket closed"));
    expect(ofClients.toSorted()).toEqual([
      "slow close",
      kind === "ws" ? "socket closed 1001" : "socket closed",
    ]);
    expect(lines.filter((line) => !ofClients.includes(line))).toEqual([
      "answered",
      ...HOOKS,
      "nest done",
      ...END,
    ]);
  });

  test("drains Fastify with @fastify/websocket: one that never answers is terminated", async () => {
    const lines = await run(
      `
import fastify from "fastify";
import plugin from "@fastify/websocket";
import { WebSocket } from "ws";
const app = fastify();
await app.register(plugin);
let sockets = 0;
app.get("/socket", { websocket: true }, () => void sockets++);
app.get("/slow", slow);
app.get("/quick", async () => "quick");
app.addHook("onClose", async () => console.log("onClose"));
shutdown.registerServer("http", app);
await app.listen({ port: 0, host: "127.0.0.1" });
const { port } = app.server.address();
const client = new WebSocket("ws://127.0.0.1:" + port + "/socket");
seen.push(once(client, "close").then(([code]) => console.log("socket closed", code)));
await once(client, "open");
net.connect(port, "127.0.0.1").on("error", () => {}).resume().write("GET /socket HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n");
while (sockets < 2) await new Promise((resolve) => setTimeout(resolve, 10));
await clients(port, arrival);
begin();`,
      "fastify@5",
      "@fastify/websocket@11",
      "ws@8",
    );
    const ofClients = ["slow close", "socket closed 1001"];
    expect(lines.filter((line) => ofClients.includes(line)).toSorted()).toEqual(ofClients);
    expect(lines.filter((line) => !ofClients.includes(line))).toEqual([
      "answered",
      "onClose",
      'http done {"websockets":1}',
      ...END,
    ]);
  });
});
