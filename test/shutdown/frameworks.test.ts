import { EventEmitter, once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import type { ClosableServer } from "../../src/shutdown/servers/frameworks.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

function setUp() {
  const clock = new ManualClock();
  return { clock, shutdown: new GracefulShutdown({ clock, timeout: 30 }) };
}

async function request(server: http.Server): Promise<net.Socket> {
  const client = net.connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => {}).resume();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(server, "request");
  return client;
}

/** A server in a framework that tells when it is closed, and that the request is over by then or not. */
async function framework(wrap: (server: http.Server, close: (done?: unknown) => unknown) => ClosableServer) {
  const pending: http.ServerResponse[] = [];
  const server = http.createServer((_request, response) => void pending.push(response));
  const closes: unknown[] = [];
  const given = wrap(server, (argument) => closes.push(argument));
  const { clock, shutdown } = setUp();
  shutdown.registerServer("framework", given);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = await request(server);
  return { clock, shutdown, closes, client, answer: () => pending[0]?.end("finished") };
}

describe("registerServer with a framework around a server", () => {
  test("closes one that then answers 503 once no request is on its way", async () => {
    const { clock, shutdown, closes, client, answer } = await framework((server, close) => ({
      server,
      close: (done: () => void) => server.close(done) && close(),
    }));
    const done = shutdown.trigger();
    await clock.advance(0.4);
    expect(closes).toHaveLength(0);
    await clock.advance(0.2);
    expect(closes).toHaveLength(1);
    answer();
    await once(client, "close");
    expect((await done).results).toMatchObject([{ status: "done" }]);
    expect(closes).toHaveLength(1);
  });

  test.each([
    { kind: "Nest", extra: (server: http.Server) => ({ getHttpServer: () => server }) },
    {
      kind: "Fastify with forceCloseConnections",
      extra: (server: http.Server) => ({ server, initialConfig: { forceCloseConnections: true } }),
    },
  ])("closes $kind, which ends resources of responses, after them", async ({ extra }) => {
    const { clock, shutdown, closes, client, answer } = await framework((server, close) => ({
      ...extra(server),
      close: async () => close(),
    }));
    const done = shutdown.trigger();
    await clock.advance(9);
    expect(closes).toHaveLength(0);
    answer();
    await once(client, "close");
    expect((await done).ok).toBe(true);
    expect(closes).toHaveLength(1);
  });

  test("tells the hooks of Nest which signal it was", async () => {
    const { shutdown, closes, client, answer } = await framework((server, close) => ({
      getHttpServer: () => server,
      close: async (signal: unknown) => close(signal),
    }));
    const done = shutdown.trigger("SIGTERM");
    await new Promise((resolve) => setImmediate(resolve));
    answer();
    await once(client, "close");
    expect((await done).ok).toBe(true);
    expect(closes).toEqual(["SIGTERM"]);
  });

  test("leaves the hooks to Nest if that listens to the signal itself", async () => {
    const { shutdown, closes, client, answer } = await framework((server, close) => ({
      getHttpServer: () => server,
      activeShutdownSignals: ["SIGTERM"],
      close: async () => close(),
    }));
    const done = shutdown.trigger("SIGTERM");
    await new Promise((resolve) => setImmediate(resolve));
    answer();
    await once(client, "close");
    expect((await done).ok).toBe(true);
    expect(closes).toEqual([]);
  });

  test("closes one that ends its own connections, such as socket.io, at once", async () => {
    const { shutdown, closes, client, answer } = await framework((httpServer, close) => ({
      httpServer,
      close: async () => close(),
    }));
    const done = shutdown.trigger();
    await new Promise((resolve) => setImmediate(resolve));
    expect(closes).toHaveLength(1);
    answer();
    await once(client, "close");
    expect((await done).ok).toBe(true);
  });

  test("keeps part of its time for its hooks if a response does not end", async () => {
    let isCut = false;
    const { clock, shutdown, client } = await framework((server) => ({
      server,
      close: () => once(server, "close").then(() => (isCut = true)),
    }));
    const done = shutdown.trigger();
    const closed = once(client, "close");
    await clock.advance(20.1);
    await closed;
    const { results } = await done;
    expect(isCut).toBe(true);
    expect(results).toMatchObject([
      { status: "failed", cut: { unfinished: 1 }, error: { code: "ERR_SHUTDOWN_TIMEOUT" } },
    ]);
  });

  test("waits for the responses even if its close fails", async () => {
    const { clock, shutdown, client, answer } = await framework((server) => ({
      server,
      close: () => Promise.reject(new Error("a hook failed")),
    }));
    let isOver = false;
    const done = shutdown.trigger().finally(() => (isOver = true));
    await clock.advance(2);
    expect(isOver).toBe(false);
    answer();
    await once(client, "close");
    expect((await done).results).toMatchObject([{ status: "failed", error: { message: "a hook failed" } }]);
  });

  test("finds a server that the framework created after the registration", async () => {
    const server = http.createServer((_request, response) => response.end("quick"));
    const late: { httpServer?: http.Server; close: () => Promise<void> } = { close: async () => {} };
    const { clock, shutdown } = setUp();
    shutdown.registerServer("late", late);
    late.httpServer = server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = await request(server);
    client.resume();
    await once(client, "data");
    const done = shutdown.trigger();
    const closed = once(client, "close");
    await clock.advance(1);
    await closed;
    expect((await done).ok).toBe(true);
    expect(server.listening).toBe(false);
  });

  test("does not treat a framework that is a promise of its start as closed", async () => {
    let end = (): void => {};
    const self = {
      // oxlint-disable-next-line unicorn/no-thenable -- as Fastify is one
      then: (started: () => void) => started(),
      close(done: () => void) {
        end = done;
        return self;
      },
    };
    const { shutdown } = setUp();
    shutdown.registerServer("self", self);
    let isOver = false;
    const done = shutdown.trigger().finally(() => (isOver = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    end();
    expect((await done).ok).toBe(true);
  });
});

describe("registerServer at start-up", () => {
  class Odd extends EventEmitter {
    readonly clients = new Set();
    override on(): this {
      throw new Error("reserved");
    }
    close = (done: () => void): void => done();
  }
  const hostile = new Proxy(
    { close: (done: () => void) => done() },
    {
      get(target, key) {
        if (key !== "close") throw new Error(`no ${String(key)}`);
        return target.close;
      },
      getPrototypeOf: () => {
        throw new Error("no prototype");
      },
      has: () => {
        throw new Error("no keys");
      },
    },
  );

  test("leaves nothing on an emitter that refuses some of its listeners", async () => {
    class Reserved extends EventEmitter {
      readonly clients = new Set();
      override on(event: string, listener: () => void): this {
        if (event === "newListener") throw new Error("reserved");
        return super.on(event, listener);
      }
      close = (done: () => void): void => done();
    }
    const server = new Reserved();
    const { shutdown } = setUp();
    shutdown.registerServer("odd", server);
    expect(server.eventNames()).toEqual([]);
    expect((await shutdown.trigger()).ok).toBe(true);
  });

  test.each<[string, object]>([
    ["an emitter that refuses its listeners", new Odd()],
    ["an object that refuses to be read", hostile],
    [
      "a getter that throws",
      {
        get server() {
          throw new Error("not yet");
        },
        close: (done: () => void) => done(),
      },
    ],
    [
      "a method that throws",
      {
        getHttpServer() {
          throw new Error("not yet");
        },
        close: async () => {},
      },
    ],
  ])("never fails because of %s, and closes it", async (_, server) => {
    const { shutdown } = setUp();
    shutdown.registerServer("odd", server as ClosableServer);
    expect((await shutdown.trigger()).results).toMatchObject([{ status: "done" }]);
  });

  test.each([undefined, null, 1, "http", {}, () => {}, { close: 1 }, Promise.resolve()])(
    "refuses what cannot be closed and says what to give: %s",
    (nothing) => {
      const { shutdown } = setUp();
      expect(() => shutdown.registerServer("nothing", nothing as unknown as ClosableServer)).toThrow(
        /^server must have a close method; got .*listen\(\) returns\.$/,
      );
    },
  );

  test("accepts one server twice, by itself and inside a framework", async () => {
    const server = http.createServer((_request, response) => response.end("quick"));
    const { clock, shutdown } = setUp();
    const wrapper = { server, close: async () => {} };
    shutdown.registerServer("framework", wrapper);
    shutdown.registerServer("http", server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = await request(server);
    client.resume();
    const done = shutdown.trigger();
    await clock.advance(1);
    expect((await done).results).toMatchObject([{ status: "done" }, { status: "done" }]);
    expect(Object.hasOwn(server, "closeIdleConnections")).toBe(false);
  });

  test("accepts a WebSocket server that is already closed", async () => {
    const { shutdown } = setUp();
    const close = (done: (error: Error) => void): void => done(new Error("The server is not running"));
    shutdown.registerServer("ws", Object.assign(new EventEmitter(), { clients: new Set(), close }));
    expect((await shutdown.trigger()).ok).toBe(true);
  });
});
