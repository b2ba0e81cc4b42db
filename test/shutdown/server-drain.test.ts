import { EventEmitter, once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
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
  "upgrade",
  "newListener",
  "removeListener",
] as const;
const opened: { destroy(): unknown }[] = [];

afterEach(() => {
  for (const thing of opened.splice(0)) thing.destroy();
});

async function listen(server: net.Server | http2.Http2Server | http2.Http2SecureServer): Promise<number> {
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

function setUp(server: net.Server | http2.Http2Server | http2.Http2SecureServer, timeout = 10) {
  const clock = new ManualClock();
  const shutdown = new GracefulShutdown({ clock });
  const before = EVENTS.map((event) => server.rawListeners(event));
  shutdown.registerServer("server", server, { timeout });
  const unchanged = (): void => expect(EVENTS.map((event) => server.rawListeners(event))).toEqual(before);
  return { clock, shutdown, unchanged };
}

describe("registerServer with an HTTP server", () => {
  test.each(["before it listens", "when it listens", "when the answer is on its way"])(
    "sends a response completely, even to a slow client: registered %s",
    async (when) => {
      const body = Buffer.alloc(20_000_000);
      const server = http.createServer((_request, response) => response.end(body));
      const shutdown = new GracefulShutdown();
      const reached = (place: string): void => {
        if (place === when) shutdown.registerServer("server", server, { timeout: 10, idleGrace: 0.1 });
      };
      reached("before it listens");
      const port = await listen(server);
      reached("when it listens");
      const request = http.get({ port, host: "127.0.0.1" });
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      reached("when the answer is on its way");
      const silent = await connect(port);
      const done = shutdown.trigger();
      // The patience with those that are idle is over.
      await once(silent.resume(), "close");
      let received = 0;
      for await (const chunk of response) received += (chunk as Buffer).length;
      expect(received).toBe(body.length);
      expect((await done).results[0]).toMatchObject({ status: "done" });
    },
  );

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
    const { clock, shutdown } = setUp(server);
    const port = await listen(server);
    const [idle, silent] = [await connect(port), await connect(port)];
    ask(idle, "/");
    await once(idle, "data");
    const closed = Promise.all([once(idle, "close"), once(silent, "close")]);
    const done = shutdown.trigger();
    await clock.advance(1);
    await closed;
    expect((await done).ok).toBe(true);
  });

  test("closes a connection whose headers had promised keep-alive, once its response is finished", async () => {
    const pending: http.ServerResponse[] = [];
    // Without a keep-alive timeout, which would close it in the end.
    const server = http.createServer({ keepAliveTimeout: 0 }, (_request, response) => {
      response.writeHead(200, { "Content-Length": 4 });
      response.flushHeaders();
      pending.push(response);
    });
    const { clock, shutdown } = setUp(server);
    const client = await connect(await listen(server));
    const { answer } = ask(client, "/");
    await once(client, "data");
    const done = shutdown.trigger();
    await new Promise((resolve) => setImmediate(resolve));
    const [response] = pending;
    response?.end("body");
    await Promise.all([response && once(response, "close"), once(client, "data")]);
    const closed = once(client, "close");
    await clock.advance(1);
    await closed;
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

  test("leaves it to the server to answer an expectation without a listener", () => {
    const server = http.createServer();
    setUp(server);
    // A listener of ours would be in charge of it.
    expect(server.listenerCount("checkContinue") + server.listenerCount("checkExpectation")).toBe(0);
  });

  test("destroys the remaining connections when the time is up", async () => {
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

  test("accepts a server that was never started or is already closed", async () => {
    const { shutdown, unchanged } = setUp(http.createServer());
    expect((await shutdown.trigger()).ok).toBe(true);
    unchanged();
  });

  test("leaves the server unchanged when it is unregistered or skipped", async () => {
    const first = setUp(http.createServer());
    expect(first.shutdown.unregister("server")).toBe(true);
    first.unchanged();
    const second = setUp(http.createServer());
    second.shutdown.register("blocks", () => second.clock.sleepSync(60_000), { priority: 1 });
    const { results } = await second.shutdown.trigger();
    expect(results[1]).toMatchObject({ name: "server", status: "skipped" });
    second.unchanged();
  });

  test("adds no listeners if the registration is refused", () => {
    const server = http.createServer();
    const { shutdown } = setUp(server);
    const count = server.listenerCount("connection");
    expect(() => shutdown.registerServer("server", server)).toThrow(/already registered/);
    expect(server.listenerCount("connection")).toBe(count);
  });
});

describe("registerServer with connections without a request", () => {
  test("answers a request that was on its way to an idle connection, with Connection: close", async () => {
    const server = http.createServer((_request, response) => response.end("quick"));
    const { clock, shutdown } = setUp(server);
    const client = await connect(await listen(server));
    const { answer } = ask(client, "/");
    await once(client, "data");
    const done = shutdown.trigger();
    await clock.advance(0.3);
    expect(client.destroyed).toBe(false);
    ask(client, "/again");
    await once(client, "close");
    expect(answer().match(/^Connection: .*$/gm)).toEqual(["Connection: keep-alive", "Connection: close"]);
    expect((await done).ok).toBe(true);
  });

  test("waits for no request when idleGrace is 0, and leaves the server's own methods in place", async () => {
    const server = http.createServer();
    const clock = new ManualClock();
    const shutdown = new GracefulShutdown({ clock });
    shutdown.registerServer("http", server, { idleGrace: 0 });
    const client = await connect(await listen(server));
    const closed = once(client, "close");
    const done = shutdown.trigger();
    await clock.advance("50ms");
    await closed;
    expect((await done).ok).toBe(true);
    expect(Object.hasOwn(server, "closeIdleConnections")).toBe(false);
  });

  test("closes a silent connection that was there before the registration", async () => {
    const server = http.createServer();
    const port = await listen(server);
    const arrived = once(server, "connection");
    const client = await connect(port);
    await arrived;
    const { clock, shutdown } = setUp(server);
    const closed = once(client, "close");
    const done = shutdown.trigger();
    await clock.advance(1);
    await closed;
    expect((await done).ok).toBe(true);
  });

  test("does not wait until the deadline for the rest of a request, nor for one that comes byte by byte", async () => {
    const server = http.createServer();
    const { clock, shutdown } = setUp(server);
    const port = await listen(server);
    const [half, slow] = [await connect(port), await connect(port)];
    half.write("GET / HTTP/1.1\r\nHo");
    const closed = Promise.all([once(half, "close"), once(slow, "close")]);
    const done = shutdown.trigger();
    const connections = () => new Promise((resolve) => server.getConnections((_error, n) => resolve(n)));
    await clock.advance(1);
    while ((await connections()) === 2) await clock.advance("50ms");
    // The slow one keeps its connection for as long as bytes come, but not for ever.
    for (let passed = 0; !slow.destroyed && passed < 5; passed += 0.1) {
      slow.write("G");
      await new Promise((resolve) => setTimeout(resolve, 2));
      await clock.advance("100ms");
    }
    await closed;
    expect((await done).results).toMatchObject([{ status: "done" }]);
  });

  test("leaves an upgraded connection to the application while it has traffic", async () => {
    const server = http.createServer();
    const { clock, shutdown, unchanged } = setUp(server, 20);
    const sockets: Duplex[] = [];
    // After the registration, as a WebSocket server may be attached.
    const upgrade = (_request: unknown, socket: Duplex): void => {
      sockets.push(socket.on("error", () => {}));
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    };
    server.on("upgrade", upgrade);
    const port = await listen(server);
    const [kept, ended] = [await connect(port), await connect(port)];
    for (const client of [kept, ended]) {
      ask(client, "/", "Upgrade: x\r\nConnection: Upgrade\r\n");
      await once(client, "data");
    }
    const done = shutdown.trigger();
    await clock.advance(4);
    expect([kept.destroyed, ended.destroyed]).toEqual([false, false]);
    sockets[1]?.end("bye");
    await once(ended, "close");
    sockets[0]?.write("still here");
    await clock.advance(4);
    expect(kept.destroyed).toBe(false);
    const closed = once(kept, "close");
    await clock.advance(2);
    await closed;
    expect((await done).results).toMatchObject([{ status: "done", cut: { tunnels: 1 } }]);
    server.off("upgrade", upgrade);
    unchanged();
  });

  test("leaves it to the server to answer an upgrade without a listener", () => {
    const server = http.createServer();
    setUp(server);
    const upgrade = (): void => {};
    server.on("upgrade", upgrade);
    expect(server.listenerCount("upgrade")).toBe(2);
    server.off("upgrade", upgrade);
    // A listener of ours would be in charge of it.
    expect(server.listenerCount("upgrade")).toBe(0);
  });
});

describe("registerServer with requests in flight", () => {
  test("answers pipelined requests and announces the close with the last", async () => {
    const pending: http.ServerResponse[] = [];
    const server = http.createServer((_request, response) => void pending.push(response));
    const { shutdown } = setUp(server);
    const client = await connect(await listen(server));
    const { answer } = ask(client, "/one");
    ask(client, "/two");
    while (pending.length < 2) await once(server, "request");
    const done = shutdown.trigger();
    await new Promise((resolve) => setImmediate(resolve));
    // One more behind the announcement.
    ask(client, "/three");
    await once(server, "request");
    for (const response of pending) response.end(response.req.url);
    await once(client, "close");
    expect(answer().match(/\/(?:one|two|three)/g)).toEqual(["/one", "/two", "/three"]);
    expect(answer().match(/^Connection: close/gm)).toHaveLength(1);
    expect((await done).ok).toBe(true);
  });

  test("lets a slow upload finish, before and after its response has begun, and cuts off one that stalls", async () => {
    const outcome = async (isInTime: boolean): Promise<string[]> => {
      const received: string[] = [];
      const server = http.createServer((request, response) => {
        request.setEncoding("utf8").on("data", (text: string) => received.push(text));
        request.on("error", () => received.push("cut"));
        request.on("end", () => response.end("done"));
        // Its headers are out before the drain begins.
        if (request.url === "/download") response.write("first ");
      });
      const { clock, shutdown } = setUp(server);
      const port = await listen(server);
      const [upload, download] = [await connect(port), await connect(port)];
      const answers = [
        ask(upload, "/upload", "Content-Length: 4\r\n"),
        ask(download, "/download", "Content-Length: 4\r\n"),
      ];
      upload.write("up");
      download.write("do");
      while (received.length < 2) await new Promise((resolve) => setImmediate(resolve));
      const closed = Promise.all([once(upload, "close"), once(download, "close")]);
      const done = shutdown.trigger();
      await clock.advance(4);
      expect([upload.destroyed, download.destroyed]).toEqual([false, false]);
      if (isInTime) {
        upload.write("ld");
        download.write("wn");
        while (!answers.every(({ answer }) => answer().includes("done"))) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      await clock.advance(2);
      await closed;
      const { results } = await done;
      return [results[0]?.status ?? "", String(results[0]?.cut?.uploads), ...received.toSorted()];
    };
    expect(await outcome(true)).toEqual(["done", "undefined", "do", "ld", "up", "wn"]);
    expect(await outcome(false)).toEqual(["done", "2", "cut", "cut", "do", "up"]);
  });
});

describe("registerServer over TLS", () => {
  const psk = Buffer.from("0123456789abcdef");
  // No certificate is needed with a key that both know.
  const keys = { ciphers: "PSK", maxVersion: "TLSv1.2" } as const;
  const serverKeys = { ...keys, pskCallback: () => psk };
  const clientKeys = {
    ...keys,
    pskCallback: () => ({ psk, identity: "test" }),
    checkServerIdentity: () => undefined,
    host: "127.0.0.1",
  };

  test("finishes requests in flight and closes connections that are idle, silent or in a handshake", async () => {
    const pending: http.ServerResponse[] = [];
    const server = https.createServer(serverKeys, (request, response) => {
      if (request.url === "/slow") pending.push(response);
      else response.end("quick");
    });
    const { clock, shutdown, unchanged } = setUp(server);
    const port = await listen(server);
    const secure = async (): Promise<net.Socket> => {
      const socket = tls.connect({ ...clientKeys, port });
      opened.push(socket);
      await once(socket, "secureConnect");
      return socket;
    };
    const [slow, idle, silent] = [await secure(), await secure(), await secure()];
    const [mute, halfway] = [await connect(port), await connect(port)];
    halfway.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]));
    ask(idle, "/");
    await once(idle, "data");
    const { answer } = ask(slow, "/slow");
    await once(server, "request");
    const closed = Promise.all([idle, silent, mute, halfway].map((socket) => once(socket, "close")));
    const done = shutdown.trigger();
    await clock.advance(1);
    await closed;
    expect(slow.destroyed).toBe(false);
    pending[0]?.end("finished");
    await once(slow, "close");
    expect(answer()).toContain("\r\nConnection: close\r\n");
    expect(answer()).toContain("finished");
    expect((await done).ok).toBe(true);
    unchanged();
  });

  test.each([{ allowHTTP1: false }, { allowHTTP1: true }])(
    "lets the streams of HTTP/2 finish and closes the sessions: %o",
    async (options) => {
      const pending: http2.Http2ServerResponse[] = [];
      const server = http2.createSecureServer(
        { ...serverKeys, ...options },
        (_request, response) => void pending.push(response),
      );
      const { clock, shutdown, unchanged } = setUp(server);
      const port = await listen(server);
      const session = async (): Promise<http2.ClientHttp2Session> => {
        const client = http2.connect(`https://127.0.0.1:${port}`, clientKeys);
        opened.push(client);
        await once(client, "connect");
        return client;
      };
      const [busy, idle] = [await session(), await session()];
      const request = busy.request({ ":path": "/" });
      await once(server, "request");
      const closed = Promise.all([once(busy, "close"), once(idle, "close")]);
      const wentAway = once(busy, "goaway");
      const done = shutdown.trigger();
      await clock.advance(3);
      await wentAway;
      pending[0]?.end("finished");
      request.setEncoding("utf8");
      expect((await request.toArray()).join("")).toBe("finished");
      await closed;
      await clock.advance(1);
      expect((await done).ok).toBe(true);
      unchanged();
    },
  );
});

describe("registerServer with other servers", () => {
  test("tells the clients of a WebSocket server, including earlier ones, and terminates them after 2 s", async () => {
    class Client extends EventEmitter {
      readonly told: unknown[] = [];
      close = (code: number): unknown => this.told.push(code);
      terminate = (): unknown => this.told.push("terminated");
    }
    const early = new Client();
    let end = (): void => {};
    const close = (done: () => void): unknown => (end = done);
    const server = Object.assign(new EventEmitter(), { clients: new Set([early]), close });
    const clock = new ManualClock();
    const shutdown = new GracefulShutdown({ clock });
    shutdown.registerServer("ws", server, { timeout: 5 });
    const client = new Client();
    server.clients.add(client);
    server.emit("connection", client);
    const done = shutdown.trigger();
    await clock.advance(1.9);
    expect([early.told, client.told]).toEqual([[1001], [1001]]);
    await clock.advance(0.2);
    expect([early.told, client.told]).toEqual([
      [1001, "terminated"],
      [1001, "terminated"],
    ]);
    end();
    expect((await done).results).toMatchObject([{ status: "done", cut: { websockets: 2 } }]);
  });

  test("accepts a server that the application closes as well", async () => {
    const server = http.createServer((_request, response) => response.end("quick"));
    const { clock, shutdown } = setUp(server);
    const client = await connect(await listen(server));
    ask(client, "/");
    await once(client, "data");
    const theirs = new Promise((resolve) => server.close(resolve));
    const done = shutdown.trigger();
    server.close();
    await clock.advance(1);
    expect(await theirs).toBeUndefined();
    expect((await done).ok).toBe(true);
  });

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
