import { describe, expect, test, vi } from "vitest";
import { CircuitOpenError } from "../../../src/circuit-breaker/errors.js";
import { RateLimitExceededError } from "../../../src/rate-limiter/errors.js";
import { requestedDelay, discard, isRetryable } from "../../../src/policies/retry/hint.js";
import { TimeoutExceededError } from "../../../src/policies/timeout/errors.js";

const rejected = (reason: unknown) => ({ status: "rejected", reason }) as const;
const fulfilled = (value: unknown) => ({ status: "fulfilled", value }) as const;

function named(name: string, message = ""): Error {
  return Object.assign(new Error(message), { name });
}

describe("without retryIf", () => {
  test.each([
    ["an error", new Error("down"), true],
    ["a system error", Object.assign(new Error("reset"), { code: "ECONNRESET" }), true],
    ["a fetch that failed", new TypeError("fetch failed"), true],
    ["a body that was cut off", new TypeError("terminated"), true],
    ["a fetch that failed in Chrome", new TypeError("Failed to fetch"), true],
    ["a fetch that failed in Safari", new TypeError("Load failed"), true],
    ["a timeout", new TimeoutExceededError("timeout", 1, 0), true],
    ["a timeout of the platform", new DOMException("late", "TimeoutError"), true],
    ["a thrown text", "down", true],
    ["a thrown null", null, true],
    ["a refusal that says when", new RateLimitExceededError("limiter", 5), true],
    ["an open circuit", new CircuitOpenError("api", 5, "open"), true],
    ["a refusal that is not a matter of time", new CircuitOpenError("api", Infinity, "isolated"), false],
    ["an abort", new DOMException("gone", "AbortError"), false],
    ["a RangeError", new RangeError("x"), false],
    ["a SyntaxError", new SyntaxError("x"), false],
    ["a ReferenceError", new ReferenceError("x"), false],
    ["a TypeError", new TypeError("x is not a function"), false],
    ["a TypeError of another realm", named("TypeError", "x is not a function"), false],
  ])("%s is retried: %o %s", (_what, reason, retried) => {
    expect(isRetryable(rejected(reason))).toBe(retried);
  });

  test("a value is not retried", () => {
    expect(isRetryable(fulfilled(new Response(null, { status: 503 })))).toBe(false);
    expect(isRetryable(fulfilled(new Error("returned")))).toBe(false);
  });
});

describe("what a server asks for", () => {
  const at = (headers: Record<string, string>) => new Response(null, { status: 503, headers });
  const date = "Tue, 01 Sep 2026 12:00:00 GMT";

  test.each([
    ["seconds of a response", fulfilled(at({ "Retry-After": "3" })), 3000],
    [
      "an HTTP-date against the response's own date",
      fulfilled(at({ Date: date, "Retry-After": "Tue, 01 Sep 2026 12:00:30 GMT" })),
      30_000,
    ],
    ["a date in the past", fulfilled(at({ Date: date, "Retry-After": "Tue, 01 Sep 2026 11:00:00 GMT" })), 0],
    ["retryAfter of an error", rejected(Object.assign(new Error("busy"), { retryAfter: 2 })), 2000],
    ["retryAfter of an error without an end", rejected({ retryAfter: Infinity }), Infinity],
    [
      "the response of an HTTP client's error",
      rejected({ response: { headers: { "retry-after": "4" } } }),
      4000,
    ],
    ["nothing", rejected(new Error("down")), 0],
    ["no header", fulfilled(at({})), 0],
    ["a header with a fraction", fulfilled(at({ "Retry-After": "1.5" })), 0],
    ["a negative header", fulfilled(at({ "Retry-After": "-5" })), 0],
    ["a header with nonsense", fulfilled(at({ "Retry-After": "soon" })), 0],
    ["a header with another date", fulfilled(at({ "Retry-After": "2026-09-01T12:00:00Z" })), 0],
    ["a negative retryAfter", rejected({ retryAfter: -5 }), 0],
    ["retryAfter that is no number", rejected({ retryAfter: Number.NaN }), 0],
    ["retryAfter as a text is not a number", rejected({ retryAfter: "soon" }), 0],
    ["a value that is a list of numbers", fulfilled([500, 600]), 0],
    ["a value that is a number", fulfilled(500), 0],
    ["an error whose response is a status", rejected({ response: 503 }), 0],
    ["an error whose response is a list", rejected({ response: [503] }), 0],
    ["undefined", fulfilled(undefined), 0],
    ["null", rejected(null), 0],
  ])("%s: %o asks for %d ms", (_what, outcome, milliseconds) => {
    expect(requestedDelay(outcome)).toBe(milliseconds);
  });

  test("never throws, whatever the error is", () => {
    const trap = new Proxy(new Error("trap"), {
      get() {
        throw new Error("from the trap");
      },
    });
    expect(requestedDelay(rejected(trap))).toBe(0);
    expect(requestedDelay(fulfilled(trap))).toBe(0);
  });
});

describe("the body of a response that is not read", () => {
  test("is cancelled", () => {
    const cancel = vi.fn<() => void>();
    discard(fulfilled(new Response(new ReadableStream({ cancel }))));
    expect(cancel).toHaveBeenCalledOnce();
  });

  test.each([
    ["one that is locked", { body: { locked: true, cancel: () => expect.fail("cancelled") } }],
    ["no body", { body: null }],
    ["cancel that throws", { body: { locked: false, cancel: () => expect.fail("contained") } }],
    ["cancel that rejects", { body: { locked: false, cancel: () => Promise.reject(new Error("no")) } }],
    ["no object", 5],
    ["undefined", undefined],
  ])("is left alone: %s", async (_what, value) => {
    expect(() => discard(fulfilled(value))).not.toThrow();
    await new Promise(setImmediate);
  });
});
