import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { resilientFetch } from "../../../src/http/index.js";
import { reasonOf } from "../../policies/by-hand.js";
import { serve, serveBare, until } from "./servers.js";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
const options = { retry: { attempts: 3, delay: 0 }, timeout: "5s", totalTimeout: "10s" } as const;

/** Faults before there is a response. */
const LOST: readonly (readonly [string, (socket: Socket) => void])[] = [
  ["is closed at once", (socket) => socket.destroy()],
  ["is reset at once", (socket) => socket.resetAndDestroy()],
  ["is reset after the request", (socket) => socket.once("data", () => socket.resetAndDestroy())],
  ["is ended after the request", (socket) => socket.once("data", () => socket.end())],
  ["ends within the headers", (socket) => socket.once("data", () => socket.end(HEAD))],
];

/** Faults within the body. */
const CUT: readonly (readonly [string, (socket: Socket) => void])[] = [
  [
    "is reset",
    (socket) => send(socket, `${HEAD}Content-Length: 10\r\n\r\nabc`, () => socket.resetAndDestroy()),
  ],
  ["is shorter than it says", (socket) => socket.end(`${HEAD}Content-Length: 10\r\n\r\nabc`)],
  ["ends within a chunk", (socket) => socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n8\r\nabc`)],
];

function send(socket: Socket, text: string, then: () => void): void {
  // Later, so that the other side has read what was sent before the reset.
  socket.write(text, () => setTimeout(then, 30));
}

describe("a connection that", () => {
  test.each(LOST)("%s: another attempt", async (_, fault) => {
    await using server = await serveBare((socket, count) => {
      if (count === 1) fault(socket);
      else socket.once("data", () => socket.end(`${HEAD}Connection: close\r\n\r\nwell`));
    });
    const response = await resilientFetch(options)(server.url);
    expect([await response.text(), server.connections]).toEqual(["well", 2]);
  });

  test.each(LOST)("%s each time: the error, and a POST is sent once", async (_, fault) => {
    await using server = await serveBare(fault);
    expect(await reasonOf(resilientFetch(options)(server.url))).toBeInstanceOf(TypeError);
    expect(server.connections).toBe(3);
    const sent = { method: "POST", body: "a" };
    expect(await reasonOf(resilientFetch(options)(server.url, sent))).toBeInstanceOf(TypeError);
    expect(server.connections).toBe(4);
  });

  test("is refused: the error, after all attempts", async () => {
    const server = await serve(() => {});
    await server[Symbol.asyncDispose]();
    const api = resilientFetch(options);
    const error = await reasonOf(api(server.url));
    expect(error).toMatchObject({ cause: { code: "ECONNREFUSED" } });
    expect(api.stats()[server.url]?.parts["retry"]).toMatchObject({ retries: 2, exhaustedCalls: 1 });
  });
});

describe("a body that", () => {
  test.each(CUT)("%s: the caller sees it fail, as with fetch", async (_, fault) => {
    await using server = await serveBare((socket) => socket.once("data", () => fault(socket)));
    const api = resilientFetch(options);
    const response = await api(server.url);
    expect(response.status).toBe(200);
    expect(await reasonOf(response.text())).toBeInstanceOf(TypeError);
    const settled = (): unknown => api.stats()[server.url]?.parts["totalTimeout"];
    await until(() => (settled() as { settledCalls: number }).settledCalls === 1);
  });
});

describe("a server that", () => {
  test("sends a 103 before: the response that follows", async () => {
    await using server = await serveBare((socket) =>
      socket.once("data", () =>
        socket.end(`HTTP/1.1 103 Early Hints\r\n\r\n${HEAD}Connection: close\r\n\r\nwell`),
      ),
    );
    expect(await (await resilientFetch(options)(server.url)).text()).toBe("well");
  });

  test("sends what is not HTTP: the error", async () => {
    await using server = await serveBare((socket) =>
      socket.once("data", () => socket.end("220 mail\r\n\r\n")),
    );
    expect(await reasonOf(resilientFetch(options)(server.url))).toBeInstanceOf(TypeError);
  });

  test("redirects: it is followed, and endlessly: one attempt", async () => {
    await using server = await serve((request, response) => {
      const next = request.url === "/once" ? "/end" : request.url;
      if (request.url === "/end") response.end("well");
      else response.writeHead(302, { location: next }).end();
    });
    const api = resilientFetch(options);
    const response = await api(`${server.url}/once`);
    expect([response.redirected, await response.text()]).toEqual([true, "well"]);
    const before = server.requests.length;
    expect(await reasonOf(api(`${server.url}/loop`))).toBeInstanceOf(TypeError);
    expect(server.requests.length - before).toBe(21);
  });

  test("redirects to another that asks to wait: that one is not asked meanwhile, the first is", async () => {
    await using busy = await serve((_, response) => response.writeHead(429, { "retry-after": "100" }).end());
    await using server = await serve((request, response) => {
      if (request.url === "/busy") response.writeHead(302, { location: busy.url }).end();
      else response.end("well");
    });
    const api = resilientFetch({ totalTimeout: "5s" });
    expect((await api(`${server.url}/busy`)).status).toBe(429);
    expect(await (await api(server.url)).text()).toBe("well");
    expect(await reasonOf(api(busy.url))).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED" });
    expect(busy.requests).toHaveLength(1);
  });
});
