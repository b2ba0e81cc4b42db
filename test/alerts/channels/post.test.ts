import { createHmac } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import {
  type AlertChannel,
  AlertDeliveryError,
  SlackChannel,
  WebhookChannel,
} from "../../../src/alerts/index.js";
import { ManualClock } from "../../../src/testing/index.js";
import { delivery, never, rejection, serve } from "./servers.js";

const CHANNELS: readonly (readonly [string, (url: string | (() => string)) => AlertChannel])[] = [
  ["slack", (webhookUrl) => new SlackChannel({ webhookUrl })],
  ["webhook", (url) => new WebhookChannel({ url, secret: "key" })],
];

describe.each(CHANNELS)("the channel %s", (name, make) => {
  test("posts JSON to the address, which a function can give", async () => {
    const server = await serve();
    expect(await make(() => `${server.url}/hook?x=1`).deliver(delivery(), never)).toBeUndefined();
    expect(server.got).toMatchObject([
      { method: "POST", url: "/hook?x=1", headers: { "content-type": "application/json; charset=utf-8" } },
    ]);
  });

  test.each([
    [408, true],
    [425, true],
    [429, true],
    [500, true],
    [503, true],
    [400, false],
    [401, false],
    [404, false],
    [410, false],
  ])("answered by %i: retryable %s", async (status, retryable) => {
    const server = await serve((response) => response.writeHead(status).end("no"));
    const error = await rejection(make(server.url).deliver(delivery(), never));
    expect(error).toBeInstanceOf(AlertDeliveryError);
    expect(error).toMatchObject({
      channel: name,
      status,
      retryable,
      retryAfter: undefined,
      message: `the alert could not be delivered to ${name}: the server answered ${status}`,
    });
  });

  test.each([
    [{ "retry-after": "17" }, 17],
    [{ date: "Tue, 01 Sep 2026 12:00:00 GMT", "retry-after": "Tue, 01 Sep 2026 12:00:30 GMT" }, 30],
    [{ "retry-after": "soon" }, undefined],
  ])("tells how long a 429 asks to wait: %o", async (headers, retryAfter) => {
    const server = await serve((response) => response.writeHead(429, headers).end());
    expect(await rejection(make(server.url).deliver(delivery(), never))).toMatchObject({ retryAfter });
  });

  test("follows no redirect", async () => {
    const server = await serve((response) => response.writeHead(302, { location: "/else" }).end());
    expect(await rejection(make(server.url).deliver(delivery(), never))).toMatchObject({
      retryable: false,
      status: 302,
      message: expect.stringContaining("302, a redirect, which is not followed"),
    });
    expect(server.got).toHaveLength(1);
  });

  test("ends with the abort when a server is silent", async () => {
    const controller = new AbortController();
    const reason = new Error("too late");
    const server = await serve(() => controller.abort(reason));
    const { signal } = controller;
    expect(await rejection(make(server.url).deliver(delivery(), { signal }))).toBe(reason);
  });

  test("ends with the abort when the function of its address does not settle", async () => {
    const controller = new AbortController();
    const hangs = () => new Promise<string>(() => controller.abort("too late")) as never;
    const { signal } = controller;
    expect(await rejection(make(hangs).deliver(delivery(), { signal }))).toBe("too late");
    expect(await rejection(make(hangs).deliver(delivery(), { signal }))).toBe("too late");
  });

  test("tells a reset connection and a refused one by their code", async () => {
    const server = await serve((response) => response.destroy());
    const { url } = server;
    expect(await rejection(make(url).deliver(delivery(), never))).toMatchObject({
      retryable: true,
      status: undefined,
      message: expect.stringMatching(/the request failed \((?:ECONNRESET|UND_ERR_SOCKET)\)$/),
    });
    const closed = await serve();
    const refused = closed.url;
    await closed.close();
    expect(await rejection(make(refused).deliver(delivery(), never))).toMatchObject({
      retryable: true,
      message: expect.stringMatching(/the request failed \(ECONNREFUSED\)$/),
    });
  });

  test.each([200, 500])("reads no more of an endless answer than it must: %i", async (status) => {
    const server = await serve((response) => {
      response.writeHead(status, { "content-type": "application/json" });
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(10_000)));
      };
      response.on("drain", more);
      more();
    });
    const outcome = make(server.url).deliver(delivery(), never);
    const settled: unknown = await outcome.catch((error: unknown) => Reflect.get(Object(error), "status"));
    expect(settled).toBe(status === 200 ? undefined : status);
  });

  test.each(["", "x", "ftp://host/", "javascript:1", "http://user:word@host/", "https://", 5, null, {}, []])(
    "refuses the address %j without showing it",
    async (address) => {
      const given = address as string;
      expect(() => make(given)).toThrow(TypeError);
      expect(() => make(given)).toThrow(
        /rl must be an http or https URL without a user name and a password, or a fun/,
      );
      const error = (await rejection(make(() => given).deliver(delivery(), never))) as AlertDeliveryError;
      expect(error).toMatchObject({
        retryable: false,
        message: expect.stringMatching(/rl must give an http or/),
      });
    },
  );

  test("may try again when the function of its address fails", async () => {
    const fails = () => {
      throw Object.assign(new Error("https://secret.example"), { code: "ENOENT" });
    };
    expect(await rejection(make(fails).deliver(delivery(), never))).toMatchObject({
      retryable: true,
      message: expect.stringMatching(/: the function \w+ failed \(ENOENT\)$/),
    });
  });
});

test("a 2xx is delivered even if the answer never ends", async () => {
  const clock = new ManualClock();
  const server = await serve((response) => {
    response.writeHead(200).write("o");
  });
  const delivered = new SlackChannel({ webhookUrl: server.url, clock }).deliver(delivery(), never);
  await vi.waitUntil(() => clock.pendingTimers > 0, 60_000);
  await clock.advance(1000);
  expect(await delivered).toBeUndefined();
});

test("Slack's words for a refusal are told, and nothing else of an answer", async () => {
  let answer = "invalid_payload";
  const server = await serve((response) => response.writeHead(400).end(answer));
  const channel = new SlackChannel({ webhookUrl: server.url });
  expect(await rejection(channel.deliver(delivery(), never))).toMatchObject({
    message: "the alert could not be delivered to slack: the server answered 400: invalid_payload",
  });
  answer = "secret_payload";
  expect(await rejection(channel.deliver(delivery(), never))).toMatchObject({
    message: "the alert could not be delivered to slack: the server answered 400",
  });
});

describe("a webhook", () => {
  test("gets the whole alert, signed, with its headers and the key of the attempt", async () => {
    const clock = new ManualClock();
    const server = await serve();
    const headers = { Authorization: "Bearer x", "Content-Type": "text/plain", "idempotency-key": "mine" };
    const channel = new WebhookChannel({ url: server.url, secret: async () => "key", headers, clock });
    await channel.deliver(delivery({ count: 2 }), never);
    const [got] = server.got;
    expect(JSON.parse(got?.body ?? "")).toEqual({
      id: "a-1",
      title: "disk almost full",
      body: "/var: 97 %",
      level: "warning",
      key: "disk",
      timestamp: "2026-09-01T12:00:00.000Z",
      isRecovery: false,
      count: 2,
    });
    const seconds = clock.wallNow() / 1000;
    const signature = createHmac("sha256", "key").update(`${seconds}.${got?.body}`).digest("hex");
    expect(got?.headers).toMatchObject({
      authorization: "Bearer x",
      "content-type": "application/json; charset=utf-8",
      "idempotency-key": "a-1",
      "x-signature": `t=${seconds},v1=${signature}`,
    });
  });

  test.each([
    ['{"id":"m-1"}', "m-1"],
    ['{"id":17}', "17"],
    ['{"id":""}', undefined],
    ['{"id":"a b\\n"}', undefined],
    [`{"id":"${"x".repeat(201)}"}`, undefined],
    ['{"id":{"a":1}}', undefined],
    ["null", undefined],
    ["[]", undefined],
    ["{", undefined],
    ['{"id":"secretkey"}', undefined],
    ['{"id":"a-secretkey-b"}', undefined],
    ['{"id":"T0123456789"}', undefined],
    ['{"id":"0123-token"}', undefined],
    ['{"id":"eu"}', "eu"],
  ])("answers %s: the identifier is %s", async (answer, id) => {
    const server = await serve((response) => response.end(answer));
    const url = `${server.url}/services/T0123456789`;
    const headers = { authorization: "Bearer 0123-token-4567", "x-zone": "eu" };
    const channel = new WebhookChannel({ url, secret: "secretkey", headers });
    expect(await channel.deliver(delivery(), never)).toBe(id);
  });

  test.each([
    [{ "x-a": "b\nc" }, "one of them has a character that no header can have"],
    [{ "x a": "b" }, "one of them has a character that no header can have"],
    [{ "x-a": 5 }, "one of them is a number"],
    [["x-a"], "got an array"],
    [new Map(), "got an object"],
    [null, "got null"],
    ["x-a: b", "got a string"],
  ])("refuses the headers %o", (headers, message) => {
    const make = () =>
      new WebhookChannel({ url: "http://localhost", headers: headers as Record<string, string> });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});
