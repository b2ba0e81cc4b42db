import { describe, expect, test } from "vitest";
import { PRELUDE } from "./framework-program.js";
import { Project } from "./project.js";

/** Runs a program to its end; returns its lines. */
async function run(program: string, ...packages: readonly string[]): Promise<readonly string[]> {
  const project = new Project().link(...packages);
  project.write("app.mjs", PRELUDE + program);
  const started = project.node("app.mjs");
  await started.end();
  expect(started.stderr).toBe("");
  return started.stdout.trim().split("\n");
}

const WEB_SOCKET_HEAD =
  "GET / HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n";

const FASTIFY = `
import fastify from "fastify";
const app = fastify();
app.get("/slow", async () => {
  arrived();
  await once(shutdown.signal, "abort");
  // Until its hooks are called, which is before its answers are out; its server alone calls none.
  await Promise.race([preClosed, new Promise((resolve) => setTimeout(resolve, 1500))]);
  return "slow";
});
app.get("/quick", async () => "quick");
app.addHook("onResponse", async ({ url }) => { if (url === "/slow") console.log("answered"); });
let preClose;
const preClosed = new Promise((resolve) => (preClose = resolve));
app.addHook("preClose", async () => { console.log("preClose"); preClose(); });
app.addHook("onClose", async () => console.log("onClose"));
`;

const FASTIFY_CLIENTS = `
const port = app.server.address().port;
await get(port, "/quick", new http.Agent({ keepAlive: true }));
net.connect(port, "127.0.0.1").on("error", () => {});
seen.push(get(port, "/slow").then((text) => console.log(text), (error) => console.log(error.code)));
await arrival;
const late = new http.Agent({ keepAlive: true });
await get(port, "/quick", late);
seen.push(once(shutdown.signal, "abort").then(() => get(port, "/quick", late)).then((text) => console.log(text), (error) => console.log(error.code)));
begin();
`;

describe.concurrent("registerServer in a program of its own", () => {
  test.each([
    ["Fastify, before it listens", "app", true],
    ["Fastify, once it listens", "app", false],
    ["Fastify's server and Fastify", "app.server", true],
  ])("drains %s: requests are answered, then its hooks run once", async (_, what, isBefore) => {
    const register = `shutdown.registerServer("http", ${what}, { idleGrace: 1 });`;
    const both = what === "app" ? "" : `shutdown.registerServer("app", app);`;
    const listen = `await app.listen({ port: 0, host: "127.0.0.1" });`;
    const order = isBefore ? register + both + listen : listen + register + both;
    const lines = await run(FASTIFY + order + FASTIFY_CLIENTS, "fastify");
    const clients = ["quick close", "slow close"];
    // Idle connections are gone after a while, the slow answer comes later.
    const expected =
      what === "app"
        ? ["preClose", "answered", "onClose", "http done"]
        : ["answered", "http done", "preClose", "onClose", "app done"];
    expect(lines.filter((line) => clients.includes(line)).toSorted()).toEqual(clients);
    expect(lines.filter((line) => !clients.includes(line))).toEqual([
      ...expected,
      "database closed",
      "database done",
      "exit 143",
    ]);
  });

  test("answers health probes in Fastify, with the details of a check", async () => {
    const lines = await run(
      `
import fastify from "fastify";
const app = fastify();
const health = new Health({ drainOn: shutdown.signal });
health.addCheck("queue", () => ({ details: { waiting: 3 } }));
const handler = health.handler();
app.get("/readyz", (request, reply) => { reply.hijack(); handler(request.raw, reply.raw); });
shutdown.registerServer("http", app);
await app.listen({ port: 0, host: "127.0.0.1" });
console.log((await get(app.server.address().port, "/readyz")).replace(/"seconds":[^,]*,/, ""));
begin();`,
      "fastify",
    );
    expect(lines[0]).toBe(
      '{"status":"ok","ok":true,"checks":[{"name":"queue","ok":true,"details":{"waiting":3}}]}',
    );
    expect(lines.at(-1)).toBe("exit 143");
  });

  test("drains Fastify on both addresses of localhost", async () => {
    const listen = `shutdown.registerServer("http", app); await app.listen({ port: 0 });`;
    const clients = `
const { port } = app.server.address();
const answers = Promise.all(app.addresses().map(({ address }) => new Promise((resolve) => {
  http.get({ host: address, port, path: "/slow", agent: false }, (response) => response.resume().on("end", () => resolve("answered")).on("error", () => resolve("cut"))).on("error", () => resolve("cut"));
})));
const count = app.addresses().length;
await arrival;
await new Promise((resolve) => setTimeout(resolve, 100));
shutdown.register("answers", async () => console.log((await answers).join() === Array(count).fill("answered").join()), { priority: 150 });
begin();`;
    const lines = await run(FASTIFY + listen + clients, "fastify");
    expect(lines).toEqual([
      "preClose",
      ...lines.filter((line) => line === "answered"),
      "onClose",
      "http done",
      "true",
      "answers done",
      "database closed",
      "database done",
      "exit 143",
    ]);
  });

  test("notifies the clients of ws, terminates a stuck one, and continues with later callbacks", async () => {
    const lines = await run(
      `
import { WebSocketServer, WebSocket } from "ws";
const server = http.createServer();
const wss = new WebSocketServer({ server });
shutdown.registerServer("ws", wss, { priority: 90 });
shutdown.registerServer("http", server);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
const client = new WebSocket("ws://127.0.0.1:" + port);
seen.push(once(client, "close").then(([code]) => console.log(code)));
await once(client, "open");
raw(port, "${WEB_SOCKET_HEAD}");
await once(wss, "connection");
begin();`,
      "ws",
    );
    expect(lines.slice(0, 1)).toEqual(["1001"]);
    expect(lines.slice(1).toSorted()).toEqual(
      [
        'ws done {"websockets":1}',
        "cut",
        "http done",
        "database closed",
        "database done",
        "exit 143",
      ].toSorted(),
    );
    expect(lines.at(-1)).toBe("exit 143");
  });

  test("drains the server that ws has made for itself, with a socket that never sent anything", async () => {
    const lines = await run(
      `
import { WebSocketServer, WebSocket } from "ws";
const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
shutdown.registerServer("ws", wss);
await once(wss, "listening");
const { port } = wss.address();
net.connect(port, "127.0.0.1").on("error", () => {});
const client = new WebSocket("ws://127.0.0.1:" + port);
seen.push(once(client, "close").then(([code]) => console.log(code)));
await once(client, "open");
begin();`,
      "ws",
    );
    expect(lines).toEqual(["1001", "ws done", "database closed", "database done", "exit 143"]);
  });

  test("notifies WebSockets of a ws server that is not registered", async () => {
    const lines = await run(
      `
import { WebSocketServer, WebSocket } from "ws";
const server = http.createServer();
const wss = new WebSocketServer({ server });
wss.on("connection", (socket) => seen.push(once(socket, "close").then(([code]) => console.log("server", code))));
shutdown.registerServer("http", server);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const client = new WebSocket("ws://127.0.0.1:" + server.address().port);
seen.push(once(client, "close").then(([code]) => console.log("client", code)));
await once(client, "open");
begin();`,
      "ws",
    );
    expect(lines.toSorted()).toEqual(
      ["client 1001", "server 1001", "http done", "database closed", "database done", "exit 143"].toSorted(),
    );
  });

  test.each([
    ["io", "once it has a server", `const io = new Server(server); shutdown.registerServer("io", io);`],
    [
      "io",
      "before it has one",
      `const io = new Server(); shutdown.registerServer("io", io); io.attach(server);`,
    ],
    [
      "io",
      "and its server",
      `const io = new Server(server); shutdown.registerServer("io", io); shutdown.registerServer("http", server);`,
    ],
  ])("drains socket.io: %s, %s, with requests of others", async (_, when, set) => {
    const lines = await run(
      `
import { Server } from "socket.io";
import { io as connect } from "socket.io-client";
const server = http.createServer((request, response) => {
  if (request.url !== "/slow") return;
  arrived();
  shutdown.signal.addEventListener("abort", () => setTimeout(() => response.end("slow"), 300));
});
${set}
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
for (const transport of ["websocket", "polling"]) {
  const client = connect("http://127.0.0.1:" + port, { transports: [transport], reconnection: false });
  seen.push(new Promise((resolve) => client.on("disconnect", resolve)).then(() => console.log(transport)));
  await new Promise((resolve) => client.on("connect", resolve));
}
seen.push(get(port, "/slow").then((text) => console.log(text), (error) => console.log(error.code)));
await arrival;
begin();`,
      "socket.io",
      "socket.io-client",
    );
    const results = when === "and its server" ? ["io done", "http done"] : ["io done"];
    expect(lines.toSorted()).toEqual(
      [
        "polling",
        "websocket",
        when === "before it has one" ? "slow keep-alive" : "slow close",
        ...results,
        "database closed",
        "database done",
        "exit 143",
      ].toSorted(),
    );
  });

  test("cuts an upload that stalls, and a stream without an end at its part of the time", async () => {
    const lines = await run(`
const server = http.createServer((request, response) => {
  if (request.method === "POST") request.resume().on("end", () => response.end("done"));
  else response.write("data: x\\n\\n");
});
shutdown.registerServer("uploads", server);
const streams = http.createServer((request, response) => void response.write("data: x\\n\\n"));
shutdown.registerServer("streams", streams, { priority: 150 });
for (const one of [server, streams]) {
  one.listen(0, "127.0.0.1");
  await once(one, "listening");
}
raw(server.address().port, "POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1000\\r\\n\\r\\n0123456789");
await once(server, "request");
raw(streams.address().port, "GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n");
await once(streams, "request");
begin();`);
    expect(lines.filter((line) => line !== "cut")).toEqual([
      'uploads done {"uploads":1}',
      expect.stringMatching(/^streams timed-out \{"unfinished":1\} streams did not finish within/),
      "database closed",
      "database done",
      "exit 1",
    ]);
  });
});
