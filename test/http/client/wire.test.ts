import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { Agent, fetch as undiciFetch, H2CClient, request } from "undici";
import { describe, expect, test } from "vitest";
import { resilienceInterceptor, resilientFetch } from "../../../src/http/index.js";
import type { Fetch } from "../../../src/http/client/options.js";
import { TimeoutExceededError } from "../../../src/policies/timeout/errors.js";
import { reasonOf } from "../../policies/by-hand.js";
import { serve, serveBare, until } from "./servers.js";

const retry = { attempts: 3, delay: 0 } as const;
const WELL = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell";

describe("100 Continue that nobody has asked for", () => {
  test("is a fault of the connection, as with fetch: another attempt, but not of a POST", async () => {
    await using server = await serveBare((socket, count) =>
      socket.once("data", () => socket.end(count === 2 ? WELL : `HTTP/1.1 100 Continue\r\n\r\n${WELL}`)),
    );
    const api = resilientFetch({ retry, timeout: "5s" });
    expect(await (await api(server.url)).text()).toBe("well");
    expect(server.connections).toBe(2);
    expect(await reasonOf(api(server.url, { method: "POST", body: "a" }))).toBeInstanceOf(TypeError);
    expect(server.connections).toBe(3);
  });
});

/** An HTTP/2 server without TLS. */
async function serveStreams(handle: (stream: http2.ServerHttp2Stream, count: number) => void) {
  const sessions = new Set<http2.ServerHttp2Session>();
  let count = 0;
  const server = http2.createServer();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    handle(stream, ++count);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions,
    get streams() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

describe("HTTP/2", () => {
  test.each([
    [
      "GOAWAY",
      (stream: http2.ServerHttp2Stream) => stream.session?.goaway(http2.constants.NGHTTP2_NO_ERROR, 0),
    ],
    ["a session that ends", (stream: http2.ServerHttp2Stream) => stream.session?.destroy()],
    [
      "a refused stream",
      (stream: http2.ServerHttp2Stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM),
    ],
  ] as const)("%s before the headers: another attempt", async (_, fault) => {
    await using server = await serveStreams((stream, count) => {
      if (count === 1) fault(stream);
      else {
        stream.respond({ ":status": 200 });
        stream.end("well");
      }
    });
    const client = new H2CClient(server.url);
    const dispatcher = client.compose(resilienceInterceptor({ retry, timeout: "2s", totalTimeout: "20s" }));
    const { statusCode, body } = await request(server.url, { dispatcher });
    expect([statusCode, await body.text(), server.streams]).toEqual([200, "well", 2]);
    await client.destroy();
    await until(() => server.sessions.size === 0);
  });

  test("GOAWAY while a body comes: the caller sees the body whole, or fail", async () => {
    await using server = await serveStreams((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("begun");
      stream.session?.goaway(http2.constants.NGHTTP2_NO_ERROR, 1);
      stream.end(" and ended");
    });
    const client = new H2CClient(server.url);
    const dispatcher = client.compose(resilienceInterceptor({ retry, timeout: "2s", totalTimeout: "5s" }));
    const { body } = await request(server.url, { dispatcher });
    const end = await body.text().catch((error: unknown) => error);
    expect(end === "begun and ended" || end instanceof Error).toBe(true);
    await client.destroy();
  });
});

describe("a name that is looked up", () => {
  test("for ever: each attempt ends with its timeout, and the call with the last", async () => {
    let lookups = 0;
    const agent = new Agent({ connect: { lookup: () => void lookups++ } });
    const fetch = ((input: string, init: object) =>
      undiciFetch(input, { ...init, dispatcher: agent })) as unknown as Fetch;
    const api = resilientFetch({
      retry: { attempts: 2, delay: 0 },
      timeout: "50ms",
      totalTimeout: "5s",
      fetch,
    });
    expect(await reasonOf(api("http://slow.example"))).toBeInstanceOf(TimeoutExceededError);
    expect(lookups).toBeGreaterThan(0);
    expect(api.stats()["http://slow.example"]).toMatchObject({
      running: 0,
      parts: { retry: { retries: 1 } },
    });
    await agent.destroy();
  });

  test("slowly: the response that comes in the end", async () => {
    await using server = await serve((_, response) => response.end("well"));
    const { port } = new URL(server.url);
    const agent = new Agent({
      connect: {
        lookup: (_name, _options, callback) => {
          setTimeout(() => callback(null, [{ address: "127.0.0.1", family: 4 }]), 150);
        },
      },
    });
    const dispatcher = agent.compose(resilienceInterceptor({ retry, timeout: "10s" }));
    const { body } = await request(`http://slow.example:${port}`, { dispatcher });
    expect(await body.text()).toBe("well");
    await agent.close();
  });
});
