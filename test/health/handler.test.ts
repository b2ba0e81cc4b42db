import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { HealthHandler } from "../../src/health/handler.js";
import { Health } from "../../src/health/health.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

const opened: { close(): unknown }[] = [];

afterEach(() => {
  for (const thing of opened.splice(0)) thing.close();
});

async function listen(server: http.Server | http2.Http2Server): Promise<string> {
  opened.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

async function ask(url: string, options: http.RequestOptions = {}): Promise<Answer> {
  const request = http.request(url, { agent: false, ...options });
  request.end(options.method === "POST" ? "a body" : undefined);
  const [response]: http.IncomingMessage[] = await once(request, "response");
  if (response === undefined) throw new Error("no response");
  let body = "";
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, headers: response.headers, body };
}

const setUp = (drainOn?: AbortSignal) => new Health({ clock: new ManualClock(), drainOn });

function failing(drainOn?: AbortSignal): Health {
  const health = setUp(drainOn);
  health.addCheck("cache", () => true);
  health.addCheck("database", () => {
    throw new Error("connect postgres://user:secret@db");
  });
  return health;
}

describe("as the listener of a server", () => {
  test.each(["/livez", "/readyz", "/startupz"])("%s answers ok in JSON", async (path) => {
    const origin = await listen(http.createServer(setUp().handler()));
    const { status, headers, body } = await ask(origin + path);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["content-length"]).toBe(String(body.length));
    expect(JSON.parse(body)).toEqual({ status: "ok", ok: true, checks: [] });
  });

  test("a failing check is named with 503, without its reason and stack", async () => {
    const origin = await listen(http.createServer(failing().handler()));
    const { status, body } = await ask(`${origin}/readyz`);
    expect(status).toBe(503);
    expect(JSON.parse(body)).toEqual({
      status: "failing",
      ok: false,
      checks: [
        { name: "cache", ok: true, seconds: 0 },
        { name: "database", ok: false, seconds: 0 },
      ],
    });
    const verbose = await ask(`${origin}/readyz?verbose`);
    expect(verbose.status).toBe(503);
    expect(verbose.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(verbose.body).toBe("[+]cache ok\n[-]database failed: reason withheld\nreadyz check failed\n");
    expect((await ask(`${origin}/livez`)).status).toBe(200);
  });

  test("with messages it says why, on one line for each check", async () => {
    const health = setUp();
    health.addCheck("da\nta", () => {
      throw new Error("first\r\n[+]database ok\u2028x");
    });
    const origin = await listen(http.createServer(health.handler({ messages: true })));
    expect((await ask(`${origin}/readyz?verbose`)).body).toBe(
      "[-]da ta failed: first [+]database ok x\nreadyz check failed\n",
    );
    expect(JSON.parse((await ask(`${origin}/readyz`)).body)).toMatchObject({
      checks: [{ message: "first\r\n[+]database ok\u2028x" }],
    });
  });

  test("details are shown with and without messages, on one line for each check in text", async () => {
    const health = setUp();
    health.addCheck("queue", () => ({ details: { waiting: 12, note: "a\nb" } }));
    health.addCheck("disk", () => ({ ok: false, message: "full of secrets", details: { free: 0 } }));
    const origin = await listen(http.createServer(health.handler()));
    const { status, body } = await ask(`${origin}/readyz`);
    expect(status).toBe(503);
    expect(JSON.parse(body)).toMatchObject({
      checks: [
        { name: "queue", ok: true, details: { waiting: 12, note: "a\nb" } },
        { name: "disk", ok: false, details: { free: 0 } },
      ],
    });
    expect(body).not.toContain("secret");
    const { body: text } = await ask(`${origin}/readyz?verbose`);
    expect(text).toBe(
      '[+]queue ok {"waiting":12,"note":"a\\nb"}\n[-]disk failed: reason withheld {"free":0}\nreadyz check failed\n',
    );
  });

  test("?exclude leaves checks out, and can be repeated", async () => {
    const health = failing();
    health.addCheck("second one", () => false);
    const origin = await listen(http.createServer(health.handler()));
    expect((await ask(`${origin}/readyz?exclude=database`)).status).toBe(503);
    const { status, body } = await ask(`${origin}/readyz?verbose&exclude=database&exclude=second%20one`);
    expect(status).toBe(200);
    expect(body).toBe("[+]cache ok\nreadyz check passed\n");
  });

  test("a start-up check does not pass by being left out", async () => {
    const health = setUp();
    health.addCheck("gate", () => false, { for: "startup" });
    const origin = await listen(http.createServer(health.handler()));
    expect((await ask(`${origin}/readyz?exclude=gate`)).status).toBe(200);
    const { status, body } = await ask(`${origin}/readyz?verbose`);
    expect(status).toBe(503);
    expect(body).toBe("[-]gate failed: reason withheld\nreadyz check failed: starting\n");
  });

  test("HEAD gets the same headers without a body", async () => {
    const origin = await listen(http.createServer(failing().handler()));
    const get = await ask(`${origin}/readyz`);
    const head = await ask(`${origin}/readyz`, { method: "HEAD" });
    expect(head).toMatchObject({ status: 503, body: "" });
    expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])("%s is not allowed", async (method) => {
    const origin = await listen(http.createServer(setUp().handler()));
    const { status, headers } = await ask(`${origin}/livez`, { method });
    expect(status).toBe(405);
    expect(headers.allow).toBe("GET, HEAD");
  });

  test.each(["/", "/livez/", "/LIVEZ", "/x/livez", "/constructor", "//livez", "/?/livez", "*"])(
    "%s is not found",
    async (path) => {
      const origin = await listen(http.createServer(setUp().handler()));
      const { status, body } = await ask(origin, { path });
      expect(status).toBe(404);
      expect(body).toContain("/livez, /readyz, /startupz");
    },
  );

  test("with a prefix the paths are below it, and nowhere else", async () => {
    const origin = await listen(http.createServer(setUp().handler({ prefix: "/internal/health" })));
    expect((await ask(`${origin}/internal/health/readyz?a=b?c`)).status).toBe(200);
    expect((await ask(`${origin}/readyz`)).status).toBe(404);
    expect((await ask(`${origin}/internal/healthreadyz`)).status).toBe(404);
  });

  test("while draining, the connection of a prober is closed", async () => {
    const drain = new AbortController();
    const origin = await listen(http.createServer(setUp(drain.signal).handler()));
    const agent = new http.Agent({ keepAlive: true });
    opened.push({ close: () => agent.destroy() });
    expect((await ask(`${origin}/readyz`, { agent })).headers.connection).toBe("keep-alive");
    drain.abort();
    const ready = await ask(`${origin}/readyz`, { agent });
    expect(ready).toMatchObject({ status: 503, headers: { connection: "close" } });
    expect(JSON.parse(ready.body)).toEqual({ status: "draining", ok: false, checks: [] });
    const live = await ask(`${origin}/livez?verbose`, { agent });
    expect(live).toMatchObject({ status: 200, headers: { connection: "close" } });
    expect(live.body).toBe("livez check passed: draining\n");
  });
});

describe("before an application", () => {
  test("it says whether it has answered, and leaves the rest to next", async () => {
    const handler = setUp().handler();
    const said: boolean[] = [];
    const server = http.createServer((request, response) => {
      said.push(handler(request, response, () => response.end("application")));
    });
    const origin = await listen(server);
    expect((await ask(`${origin}/livez`)).status).toBe(200);
    expect((await ask(`${origin}/orders`)).body).toBe("application");
    expect((await ask(`${origin}/readyz`, { method: "POST" })).status).toBe(405);
    expect(said).toEqual([true, false, true]);
  });

  test("it does not answer again after a timeout of the application has answered", async () => {
    const clock = new ManualClock();
    const health = new Health({ clock });
    health.addCheck("slow", () => new Promise(() => {}));
    const handler = health.handler();
    const server = http.createServer((request, response) => {
      handler(request, response);
      response.writeHead(504).end();
      response.on("close", () => void clock.advance(10));
    });
    const origin = await listen(server);
    expect((await ask(`${origin}/readyz`)).status).toBe(504);
    expect((await health.liveness()).ok).toBe(true);
  });
});

async function http2Client(handler: HealthHandler): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(await listen(http2.createServer(handler)));
  opened.unshift(session);
  return session;
}

async function ask2(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
): Promise<Omit<Answer, "headers"> & { headers: http2.IncomingHttpHeaders }> {
  const stream = session.request(headers);
  stream.end();
  const [answered]: http2.IncomingHttpHeaders[] = await once(stream, "response");
  let body = "";
  for await (const chunk of stream) body += String(chunk);
  return { status: Number(answered?.[":status"]), headers: answered ?? {}, body };
}

describe("over HTTP/2", () => {
  test("it answers, also while draining", async () => {
    const drain = new AbortController();
    const health = failing(drain.signal);
    const session = await http2Client(health.handler());
    const ready = await ask2(session, { ":path": "/readyz?verbose" });
    expect(ready).toMatchObject({ status: 503, body: expect.stringContaining("[-]database failed") });
    expect(await ask2(session, { ":path": "/livez", ":method": "HEAD" })).toMatchObject({
      status: 200,
      body: "",
    });
    expect((await ask2(session, { ":path": "/livez", ":method": "POST" })).status).toBe(405);
    expect((await ask2(session, { ":path": "/" })).status).toBe(404);
    drain.abort();
    const warned = vi.spyOn(process, "emitWarning");
    expect((await ask2(session, { ":path": "/readyz" })).status).toBe(503);
    expect((await ask2(session, { ":path": "/livez" })).status).toBe(200);
    // Node warns of headers that HTTP/2 does not have.
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });

  test("a prober that disconnects before the answer does no harm", async () => {
    const clock = new ManualClock();
    const health = new Health({ clock });
    let asked = (): void => {};
    const asking = new Promise<void>((resolve) => {
      asked = resolve;
    });
    health.addCheck("slow", () => {
      asked();
      return new Promise(() => {});
    });
    const session = await http2Client(health.handler());
    const stream = session.request({ ":path": "/readyz" });
    stream.on("error", () => {});
    await asking;
    const gone = once(stream, "close");
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await gone;
    // The server has seen it go when it has answered what was asked later.
    expect((await ask2(session, { ":path": "/livez" })).status).toBe(200);
    await clock.advance(10);
    expect((await ask2(session, { ":path": "/livez" })).status).toBe(200);
  });
});

describe("handler rejects", () => {
  test.each([
    [{ prefix: "health" }, RangeError, /prefix must be a path that starts with "\/"/],
    [{ prefix: "/health/" }, RangeError, /prefix must be/],
    [{ prefix: "/a?b" }, RangeError, /prefix must be/],
    [{ prefix: 1 }, TypeError, /prefix must be/],
    [{ messages: "yes" }, TypeError, /messages must be true or false/],
    [{ path: "/x" }, TypeError, /path is not an option of handler/],
  ])("%j", (options, Kind, message) => {
    const health = setUp();
    const handler: (options: never) => unknown = (given) => health.handler(given);
    expect(() => Reflect.apply(handler, undefined, [options])).toThrow(Kind);
    expect(() => Reflect.apply(handler, undefined, [options])).toThrow(message);
  });
});
