import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

const EVENTS = [
  "connection",
  "secureConnection",
  "session",
  "request",
  "checkContinue",
  "checkExpectation",
] as const;
const opened: { destroy(): unknown }[] = [];

afterEach(() => {
  for (const thing of opened.splice(0)) thing.destroy();
});

async function listen(server: net.Server | http2.Http2Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function connect(port: number): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  opened.push(socket);
  await once(socket, "connect");
  return socket;
}

/** Sends a request over its own socket and collects the answer. */
function ask(socket: net.Socket, path: string, header = ""): { answer: () => string } {
  let text = "";
  socket.on("data", (chunk) => (text += String(chunk)));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${header}\r\n`);
  return { answer: () => text };
}

function setUp(server: net.Server | http2.Http2Server, timeout = 10) {
  const clock = new ManualClock();
  const shutdown = new GracefulShutdown({ clock });
  const before = EVENTS.map((event) => server.rawListeners(event));
  shutdown.registerServer("server", server, { timeout });
  const unchanged = (): void => expect(EVENTS.map((event) => server.rawListeners(event))).toEqual(before);
  return { clock, shutdown, unchanged };
}

describe("registerServer with an HTTP server", () => {
  test("finishes the response in flight with Connection: close and accepts nothing more", async () => {
    const pending: http.ServerResponse[] = [];
    const server = http.createServer((_request, response) => void pending.push(response));
    const { shutdown, unchanged } = setUp(server);
    const port = await listen(server);
    const client = await connect(port);
    const { answer } = ask(client, "/");
    await once(server, "request");
    const done = shutdown.trigger();
    await new Promise((resolve) => setImmediate(resolve));
    const refused = net.connect(port, "127.0.0.1");
    const [error] = await once(refused, "error");
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
    pending[0]?.end("finished");
    await once(client, "close");
    expect(answer()).toMatch(/^HTTP\/1.1 200 OK\r\n(.*\r\n)*Connection: close\r\n/);
    expect(answer()).toContain("finished");
    expect((await done).ok).toBe(true);
    unchanged();
  });

  test("closes connections that are idle or silent", async () => {
    const server = http.createServer((_request, response) => response.end("quick"));
    const { shutdown } = setUp(server);
    const port = await listen(server);
    const [idle, silent] = [await connect(port), await connect(port)];
    ask(idle, "/");
    await once(idle, "data");
    const closed = Promise.all([once(idle, "close"), once(silent, "close")]);
    expect((await shutdown.trigger()).ok).toBe(true);
    await closed;
  });

  test("closes a connection whose headers had promised keep-alive, once its response is finished", async () => {
    const pending: http.ServerResponse[] = [];
    // Without a keep-alive timeout, which would close it in the end.
    const server = http.createServer({ keepAliveTimeout: 0 }, (_request, response) => {
      response.writeHead(200, { "Content-Length": 4 });
      response.flushHeaders();
      pending.push(response);
    });
    const { shutdown } = setUp(server);
    const client = await connect(await listen(server));
    const { answer } = ask(client, "/");
    await once(client, "data");
    const done = shutdown.trigger();
    await new Promise((resolve) => setImmediate(resolve));
    pending[0]?.end("body");
    await once(client, "close");
    expect(answer()).toContain("body");
    expect((await done).ok).toBe(true);
  });

  test("closes a connection whose request had come before the registration, once its response is finished", async () => {
    const pending: http.ServerResponse[] = [];
    const server = http.createServer(
      { keepAliveTimeout: 0 },
      (_request, response) => void pending.push(response),
    );
    const client = await connect(await listen(server));
    const { answer } = ask(client, "/");
    await once(server, "request");
    const { clock, shutdown } = setUp(server);
    const done = shutdown.trigger();
    await new Promise((resolve) => setImmediate(resolve));
    const [response] = pending;
    response?.end("finished");
    await Promise.all([response && once(response, "close"), once(client, "data")]);
    await clock.advance(1);
    expect((await done).results).toMatchObject([{ status: "done" }]);
    expect(answer()).toContain("finished");
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    { event: "checkContinue", header: "Expect: 100-continue\r\n" },
    { event: "checkExpectation", header: "Expect: patience\r\n" },
  ] as const)("finishes a response to $event with Connection: close", async ({ event, header }) => {
    const pending: http.ServerResponse[] = [];
    const server = http.createServer();
    server.on(event, (_request: unknown, response: http.ServerResponse) => {
      if (event === "checkContinue") response.writeContinue();
      pending.push(response);
    });
    const { shutdown, unchanged } = setUp(server);
    const client = await connect(await listen(server));
    const { answer } = ask(client, "/", header);
    await once(server, event);
    const done = shutdown.trigger();
    await new Promise((resolve) => setImmediate(resolve));
    pending[0]?.end("finished");
    await once(client, "close");
    expect(answer()).toContain("\r\nConnection: close\r\n");
    expect((await done).ok).toBe(true);
    unchanged();
  });

  test("leaves it to the server to answer an expectation that nobody listens to", () => {
    const server = http.createServer();
    setUp(server);
    // A listener of ours would be in charge of it.
    expect(server.listenerCount("checkContinue") + server.listenerCount("checkExpectation")).toBe(0);
  });

  test("destroys what remains when the time is up", async () => {
    const server = http.createServer(() => {});
    const { clock, shutdown, unchanged } = setUp(server, 5);
    const client = await connect(await listen(server));
    ask(client, "/");
    await once(server, "request");
    const done = shutdown.trigger();
    await clock.advance(5);
    await once(client, "close");
    expect((await done).results).toMatchObject([{ status: "timed-out", seconds: 5 }]);
    expect(clock.pendingTimers).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    unchanged();
  });

  test("is content with a server that was never started or is closed already", async () => {
    const { shutdown, unchanged } = setUp(http.createServer());
    expect((await shutdown.trigger()).ok).toBe(true);
    unchanged();
  });

  test("leaves the server as it was when it is unregistered, or skipped", async () => {
    const first = setUp(http.createServer());
    expect(first.shutdown.unregister("server")).toBe(true);
    first.unchanged();
    const second = setUp(http.createServer());
    second.shutdown.register("blocks", () => second.clock.sleepSync(60_000), { priority: 1 });
    const { results } = await second.shutdown.trigger();
    expect(results[1]).toMatchObject({ name: "server", status: "skipped" });
    second.unchanged();
  });

  test("listens to nothing when the registration is refused", () => {
    const server = http.createServer();
    const { shutdown } = setUp(server);
    const count = server.listenerCount("connection");
    expect(() => shutdown.registerServer("server", server)).toThrow(/registered already/);
    expect(server.listenerCount("connection")).toBe(count);
  });
});

describe("registerServer with other servers", () => {
  test("lets a net server's connections end by themselves", async () => {
    const server = net.createServer((socket) => socket.resume());
    const { shutdown, unchanged } = setUp(server);
    const client = await connect(await listen(server));
    const done = shutdown.trigger();
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.destroyed).toBe(false);
    client.end();
    expect((await done).ok).toBe(true);
    unchanged();
  });

  test("lets the streams of an HTTP/2 session finish, then closes it", async () => {
    const server = http2.createServer();
    const { shutdown, unchanged } = setUp(server);
    const port = await listen(server);
    const client = http2.connect(`http://127.0.0.1:${port}`);
    opened.push(client);
    const arrived = once(server, "stream");
    const request = client.request({ ":path": "/" });
    const [stream] = await arrived;
    const done = shutdown.trigger();
    await new Promise((resolve) => setImmediate(resolve));
    (stream as http2.ServerHttp2Stream).respond({ ":status": 200 });
    (stream as http2.ServerHttp2Stream).end("finished");
    request.setEncoding("utf8");
    const body = await request.toArray();
    expect(body.join("")).toBe("finished");
    expect((await done).ok).toBe(true);
    unchanged();
  });

  test("awaits a close that returns a promise, and reports one that fails", async () => {
    const shutdown = new GracefulShutdown({ clock: new ManualClock() });
    shutdown.registerServer("promised", { close: () => Promise.resolve() });
    shutdown.registerServer("called back", { close: (done: () => void) => done() });
    shutdown.registerServer("broken", { close: (done: (error?: Error) => void) => done(new Error("no")) });
    const { results } = await shutdown.trigger();
    expect(results.map(({ status }) => status)).toEqual(["done", "done", "failed"]);
  });
});
