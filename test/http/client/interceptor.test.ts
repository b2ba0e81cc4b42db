import { Agent, Client, interceptors, Pool, request, fetch as undiciFetch, type Dispatcher } from "undici";
import { afterEach, describe, expect, test } from "vitest";
import { resilienceInterceptor, type ResilienceInterceptorOptions } from "../../../src/http/index.js";
import { TimeoutExceededError } from "../../../src/policies/timeout/errors.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";
import { bodyOf, serve, serveBare, until } from "./servers.js";

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.destroy();
});

function composed(options?: ResilienceInterceptorOptions) {
  const agent = new Agent();
  agents.push(agent);
  const interceptor = resilienceInterceptor(options);
  const dispatcher: Dispatcher = agent.compose(interceptor);
  return { dispatcher, stats: () => interceptor.stats() };
}

const retry = { attempts: 3, delay: 0 } as const;

describe("resilienceInterceptor", () => {
  test("repeats what may be, and gives the last response", async () => {
    const bodies: string[] = [];
    await using server = await serve(async (incoming, response, count) => {
      bodies.push(await bodyOf(incoming));
      response.writeHead(count < 3 ? 503 : 200, { "x-count": count }).end(`answer ${count}`);
    });
    const { dispatcher, stats } = composed({
      retry,
      circuitBreaker: true,
      timeout: "5s",
      totalTimeout: "9s",
    });
    const response = await request(server.url, { method: "PUT", body: "a", dispatcher });
    expect([response.statusCode, response.headers["x-count"]]).toEqual([200, "3"]);
    expect(await response.body.text()).toBe("answer 3");
    expect(bodies).toEqual(["a", "a", "a"]);
    expect(stats()[server.url]?.parts["circuitBreaker"]).toMatchObject({
      failedCalls: 2,
      successfulCalls: 1,
    });
    expect(stats()[server.url]?.parts["totalTimeout"]).toMatchObject({ settledCalls: 1 });
  });

  test("serves fetch of undici, and a large body whole", async () => {
    const text = "0123456789".repeat(200_000);
    await using server = await serve((_, response, count) =>
      count === 1 ? response.writeHead(500).end("no") : response.end(text),
    );
    const { dispatcher } = composed({ retry, totalTimeout: "20s" });
    const response = await undiciFetch(server.url, { dispatcher });
    expect((await response.text()).length).toBe(text.length);
  });

  test.each([
    ["POST", {}, 1],
    ["POST", { headers: { "Idempotency-Key": "a" } }, 3],
    ["POST", { headers: ["idempotency-key", "a"] }, 3],
    ["GET", {}, 3],
  ] as const)(
    "%s %j after lost connections: %i requests; the error is undici's",
    async (method, init, sent) => {
      await using server = await serveBare((socket) => socket.once("data", () => socket.destroy()));
      const { dispatcher } = composed({ retry });
      const error = await reasonOf(
        request(server.url, {
          method,
          ...init,
          ...(method === "POST" && { body: "a" }),
          dispatcher,
        } as never),
      );
      expect(error).toMatchObject({ code: "UND_ERR_SOCKET" });
      expect(server.connections).toBe(sent);
    },
  );

  test("sends no stream twice", async () => {
    await using server = await serve((incoming, response) => {
      incoming.resume().once("end", () => response.writeHead(429).end());
    });
    const { dispatcher } = composed({ retry });
    const body = (async function* chunks() {
      yield "a";
    })();
    const response = await request(server.url, { method: "PUT", body: body as never, dispatcher });
    await response.body.dump();
    expect([response.statusCode, server.requests.length]).toEqual([429, 1]);
  });

  test("responses that are thrown away let go of their connections", async () => {
    await using server = await serve((_, response, count) => {
      response.writeHead(503);
      response.write("x".repeat(100_000));
      if (count === 3) response.end();
    });
    const { dispatcher } = composed({ retry });
    const response = await request(server.url, { dispatcher });
    await response.body.dump({ limit: 1e6 });
    await until(() => server.open === 0);
    expect(server.requests).toHaveLength(3);
  });

  test("an attempt and a body that take too long end with the timeout's error", async () => {
    await using server = await serve((incoming, response) => {
      if (incoming.url === "/hang") return;
      response.writeHead(200);
      response.write("begun");
    });
    const clock = new ManualClock();
    const { dispatcher } = composed({
      retry: { attempts: 2, delay: 0 },
      timeout: "4s",
      totalTimeout: "9s",
      clock,
    });
    const hanging = reasonOf(request(`${server.url}/hang`, { dispatcher }));
    for (const count of [1, 2]) {
      await until(() => server.requests.length === count);
      await clock.advance("4s");
    }
    expect(await hanging).toBeInstanceOf(TimeoutExceededError);
    expect(server.requests).toHaveLength(2);
    const response = await request(`${server.url}/stall`, { dispatcher });
    const reading = reasonOf(response.body.text());
    await clock.advance("9s");
    expect(await reading).toBeInstanceOf(TimeoutExceededError);
    await until(() => server.open === 0);
  });

  test("the caller's signal ends it, before and after the headers", async () => {
    await using server = await serve((incoming, response) => {
      if (incoming.url === "/hang") return;
      response.writeHead(200);
      response.write("begun");
    });
    for (const options of [{}, { retry, timeout: "5s" }, { totalTimeout: "5s" }] as const) {
      const { dispatcher } = composed(options);
      const controller = new AbortController();
      const call = reasonOf(request(`${server.url}/hang`, { signal: controller.signal, dispatcher }));
      const before = server.open;
      await until(() => server.open > before);
      const mine = new Error("mine");
      controller.abort(mine);
      expect(await call).toBe(mine);
      const other = new AbortController();
      const response = await request(server.url, { signal: other.signal, dispatcher });
      const reading = reasonOf(response.body.text());
      other.abort(mine);
      expect(await reading).toBe(mine);
      await until(() => server.open === 0);
    }
  });

  test.each([
    ["undici's request", request],
    ["undici's fetch", undiciFetch],
  ])("the caller's signal ends the wait of %s before anything is sent", async (_, ask) => {
    await using server = await serve((_request, response) => response.end());
    const rateLimiter = { rate: 1, per: "1h", burst: 1 } as const;
    const { dispatcher, stats } = composed({ rateLimiter, bulkhead: { maxConcurrent: 1 } });
    await (await request(server.url, { dispatcher })).body.dump();
    const controller = new AbortController();
    const asking = reasonOf(ask(server.url, { dispatcher, signal: controller.signal }));
    await until(() => stats()[server.url]?.running === 1);
    const mine = new Error("mine");
    controller.abort(mine);
    expect(await asking).toBe(mine);
    await until(() => stats()[server.url]?.running === 0);
    expect(stats()[server.url]?.parts["rateLimiter"]).toMatchObject({ queued: 0 });
    expect(server.requests).toHaveLength(1);
  });

  test("a signal that was aborted before: nothing is sent", async () => {
    await using server = await serve((_request, response) => response.end());
    const { dispatcher } = composed({ obey: false });
    const mine = new Error("mine");
    expect(await reasonOf(request(server.url, { dispatcher, signal: AbortSignal.abort(mine) }))).toBe(mine);
    expect(server.requests).toHaveLength(0);
  });

  test("the context tells of redirections that the last attempt has followed", async () => {
    await using server = await serve(({ url }, response, count) => {
      if (url === "/") response.writeHead(302, { location: "/there" }).end();
      else response.writeHead(count < 3 ? 503 : 200).end();
    });
    const agent = new Agent();
    agents.push(agent);
    const redirect = interceptors.redirect({ maxRedirections: 2 });
    const dispatcher = agent.compose(redirect, resilienceInterceptor({ retry }));
    const { statusCode, body, context } = await request(server.url, { dispatcher });
    await body.dump();
    expect([statusCode, server.requests.length]).toEqual([200, 4]);
    const { history } = context as { history: readonly URL[] };
    expect(history.map(({ pathname }) => pathname)).toEqual(["/", "/there"]);
  });

  test("an open circuit and a server that asks to wait keep calls back", async () => {
    await using server = await serve((incoming, response) => {
      response.writeHead(incoming.url === "/busy" ? 429 : 500, { "retry-after": "100" }).end();
    });
    const open = composed({ circuitBreaker: { maxFailures: 1 } });
    await (await request(server.url, { dispatcher: open.dispatcher })).body.dump();
    expect(await reasonOf(request(server.url, { dispatcher: open.dispatcher }))).toMatchObject({
      code: "ERR_CIRCUIT_OPEN",
    });
    const busy = composed({ totalTimeout: "5s" });
    await (await request(`${server.url}/busy`, { dispatcher: busy.dispatcher })).body.dump();
    expect(await reasonOf(request(server.url, { dispatcher: busy.dispatcher }))).toMatchObject({
      code: "ERR_RATE_LIMIT_EXCEEDED",
    });
  });

  test.each([Client, Pool])("protects %o, whose requests name no origin, each on its own", async (Kind) => {
    await using server = await serve((_, response) => response.writeHead(503).end());
    const interceptor = resilienceInterceptor({ retry, circuitBreaker: { maxFailures: 3 } });
    const [first, second] = [new Kind(server.url), new Kind(server.url)];
    const ask = async (dispatcher: Dispatcher): Promise<number> => {
      const { statusCode, body } = await dispatcher.request({ method: "GET", path: "/" });
      await body.dump();
      return statusCode;
    };
    const [one, other] = [first.compose(interceptor), second.compose(interceptor)];
    expect(await ask(one)).toBe(503);
    expect(server.requests).toHaveLength(3);
    expect(await reasonOf(ask(one))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(await ask(other)).toBe(503);
    expect(Object.keys(interceptor.stats())).toEqual(["pool 1", "pool 2"]);
    await Promise.all([first.close(), second.close()]);
  });

  test("an upgrade goes through", async () => {
    await using server = await serveBare((socket) =>
      socket.once("data", () =>
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhi"),
      ),
    );
    const { dispatcher } = composed({ retry, timeout: "5s", totalTimeout: "9s" });
    const { socket, headers } = await dispatcher.upgrade({
      origin: server.url,
      path: "/",
      protocol: "echo",
    } as never);
    expect(headers["upgrade"]).toBe("echo");
    socket.destroy();
  });

  test.each([[{ fallback: { to: 1 } }], [{ fetch }], [{ nome: 1 }]])("%j is refused", (options) => {
    expect(() => resilienceInterceptor(options as object)).toThrow(TypeError);
  });
});
