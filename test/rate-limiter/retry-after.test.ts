import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { retryAfterSeconds } from "../../src/kernel/retry-after.js";

const now = Date.UTC(2026, 8, 1, 12, 0, 0);
const DATE = "Tue, 01 Sep 2026 12:00:30 GMT";

describe("what a Retry-After says", () => {
  test.each([
    ["0", 0],
    ["120", 120],
    [" 7200\t", 7200],
    ["007", 7],
    ["9".repeat(400), Number.MAX_SAFE_INTEGER],
    [DATE, 30],
    ["Tuesday, 01-Sep-26 12:00:30 GMT", 30],
    ["Tue Sep  1 12:00:30 2026", 30],
    ["Tue, 01 Sep 2026 11:59:59 GMT", 0],
    // More than 50 years ahead: of the century before.
    ["Monday, 01-Sep-76 12:00:00 GMT", 18_263 * 86_400],
    ["Thursday, 01-Sep-77 12:00:00 GMT", 0],
    ["Thu, 31 Dec 2026 23:59:60 GMT", 10_497_600],
    [["10", "30", "x"], 30],
    [5, 5],
    [0.25, 0.25],
    [-5, 0],
    [Infinity, Infinity],
  ])("%o asks for %d s", (header, seconds) => {
    expect(retryAfterSeconds(header, now)).toBe(seconds);
    expect(retryAfterSeconds(header, new Date(now))).toBe(seconds);
  });

  test.each([
    "",
    " ",
    "-1",
    "+1",
    "1.5",
    "1e3",
    "0x10",
    "30s",
    "30, 30",
    "soon",
    "٣",
    "2026-09-01T12:00:30Z",
    "Tue, 01 Sep 2026 12:00:30 UTC",
    "Tue, 1 Sep 2026 12:00:30 GMT",
    "Tue, 31 Sep 2026 12:00:30 GMT",
    "Tue, 01 Sep 2026 24:00:00 GMT",
    "Tue, 01 Sep 2026 12:60:00 GMT",
    "Tue, 01 Sep 2026 12:00:61 GMT",
    "tue, 01 sep 2026 12:00:30 gmt",
    `x${DATE}`,
    `${DATE}x`,
    Number.NaN,
    null,
    undefined,
    [],
    ["x"],
    {},
    { headers: null },
    { headers: {} },
    { headers: { "retry-after": {} } },
    new Map([["a", "b"]]),
    new Headers(),
  ])("%o asks for nothing", (header) => {
    expect(retryAfterSeconds(header, now)).toBeUndefined();
  });

  test("is found in the response or the headers of any library, in any spelling", async () => {
    class AxiosHeaders {
      readonly "retry-after" = "30";
      get(name: string): string | undefined {
        return name === "retry-after" ? this[name] : undefined;
      }
    }
    const sources = [
      new Response(null, { status: 429, headers: { "Retry-After": "30" } }),
      new Headers({ "Retry-After": "30" }),
      { statusCode: 429, headers: { "retry-after": "30" } },
      { status: 429, headers: new AxiosHeaders() },
      { headers: { "Retry-After": 30 } },
      { "RETRY-AFTER": ["30"] },
      new Map([["retry-after", "30"]]),
      Object.assign(Object.create(null), { "retry-after": "30" }),
    ];
    expect(sources.map((source) => retryAfterSeconds(source, now))).toEqual(sources.map(() => 30));
    const server = createServer((_, response) => {
      response.writeHead(503, { "Retry-After": "30" }).end();
    });
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    expect(retryAfterSeconds(await fetch(`http://127.0.0.1:${port}/`))).toBe(30);
    const seconds = await new Promise((resolve) => {
      request({ port, host: "127.0.0.1", agent: false }, (response) => {
        resolve(retryAfterSeconds(response));
        response.resume();
      }).end();
    });
    expect(seconds).toBe(30);
  });

  test("a date is measured against the response's own, whatever this machine's clock says", () => {
    const headers = { Date: "Tue, 01 Sep 2026 12:00:00 GMT", "Retry-After": DATE };
    for (const skewed of [0, now - 1e9, now + 1e9, Number.NaN]) {
      expect(retryAfterSeconds({ headers }, skewed)).toBe(30);
      expect(retryAfterSeconds(new Headers(headers), skewed)).toBe(30);
    }
    expect(retryAfterSeconds({ "retry-after": DATE, date: "yesterday" }, now)).toBe(30);
    vi.useFakeTimers({ toFake: ["Date"], now: now + 10_000 });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    expect(retryAfterSeconds(DATE)).toBe(20);
  });

  test("an object that throws when it is inspected asks for nothing", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    const failing = (): never => {
      throw new Error("closed");
    };
    const sources = [
      Object.defineProperty({}, "headers", { get: failing }),
      { headers: { get: failing } },
      new Proxy({}, { get: failing }),
      loop,
    ];
    expect(sources.map((source) => retryAfterSeconds(source, now))).toEqual(sources.map(() => undefined));
  });

  test("an invalid time counts as none", () => {
    expect(retryAfterSeconds("Fri, 31 Dec 9999 23:59:59 GMT", Number.NaN)).toBeGreaterThan(0);
    expect(retryAfterSeconds(DATE, new Date(Number.NaN))).not.toBeNaN();
  });

  test("it never throws, whatever the input, nor does a pause for it", () => {
    const limiter = new RateLimiter();
    const anything = fc.oneof(
      fc.string(),
      fc.anything(),
      fc.dictionary(fc.constant("retry-after"), fc.anything()),
    );
    fc.assert(
      fc.property(anything, (source) => {
        const seconds = retryAfterSeconds(source as string);
        limiter.pauseFor(seconds);
        expect(seconds ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
