import { describe, expect, test, vi } from "vitest";
import { Attempts } from "../../src/websocket/attempts.js";
import { WebSocketManagerError, type WebSocketErrorCode } from "../../src/websocket/errors.js";
import type { DisconnectInfo, DisconnectReason } from "../../src/websocket/events.js";
import { resolveManager } from "../../src/websocket/option-rules.js";
import type { WebSocketManagerOptions } from "../../src/websocket/options.js";

/** The first delay is 0.5 s, or 10 s where others reconnect as well. */
function made({ reconnect, ...options }: WebSocketManagerOptions = {}): Attempts {
  const timing = { delay: 1, maxDelay: 60, spread: 20, ...reconnect };
  return new Attempts(resolveManager({ name: "feed", random: () => 0.5, ...options, reconnect: timing }, []));
}

function ended(code: number, reason: DisconnectReason = "network-error"): DisconnectInfo {
  return { reason, code, text: "", wasProactive: false };
}

function failed(
  options: { status?: number; retryAfter?: number } = {},
  code: WebSocketErrorCode = "ERR_WEBSOCKET_CONNECT",
): WebSocketManagerError {
  return new WebSocketManagerError(code, "it failed", options);
}

describe("the delay after a connection has ended", () => {
  test.each([1001, 1006, 1012, 1013])("is spread where others have probably lost theirs: %i", (code) => {
    expect(made().next(undefined, ended(code))).toBe(10_000);
  });

  test.each([1000, 1002, 1008, 1011, 4000])("is short where it ended alone: %i", (code) => {
    expect(made().next(undefined, ended(code))).toBe(500);
  });

  test("is short where this side has found what was wrong", () => {
    expect(made().next(undefined, ended(1006, "ping-timeout"))).toBe(500);
    expect(made().next(failed(), ended(1006))).toBe(500);
  });

  test("is never spread over less than the first delay", () => {
    expect(made({ reconnect: { delay: 30 } }).next(undefined, ended(1006))).toBe(15_000);
  });

  test("stays spread while attempts fail, until a connection lasts or ends alone", () => {
    const attempts = made();
    attempts.next(undefined, ended(1006));
    expect(attempts.next(failed(), undefined)).toBe(20_000);
    expect(attempts.next(undefined, ended(1008))).toBe(2000);
    attempts.next(undefined, ended(1006));
    attempts.failed = 3;
    attempts.reset();
    expect(attempts.failed).toBe(0);
    expect(attempts.next(failed(), undefined)).toBe(500);
  });
});

describe("the delay after an attempt has failed", () => {
  test("is short at first, and grows", () => {
    const attempts = made();
    const delays = Array.from({ length: 8 }, () => attempts.next(failed(), undefined));
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  test("begins with what the server asks for, up to a day", () => {
    expect(made().next(failed({ retryAfter: 30 }), undefined)).toBe(30_500);
    expect(made().next(failed({ retryAfter: 1e9 }), undefined)).toBe(86_400_500);
  });

  test("is drawn by Math.random when random fails, which is warned of", () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const random = (): never => {
      throw new Error("no dice");
    };
    const delay = made({ random }).next(failed(), undefined);
    const told = warn.mock.calls.map(([message]) => String(message));
    warn.mockRestore();
    expect(delay).toBeGreaterThanOrEqual(0);
    expect(delay).toBeLessThan(1000);
    expect(told).toEqual([expect.stringContaining('random of websocket "feed" failed')]);
  });
});

describe("there is no other attempt", () => {
  test("where there is no WebSocket", () => {
    expect(made().next(failed({}, "ERR_WEBSOCKET_UNAVAILABLE"), undefined)).toBeUndefined();
  });

  test("after maxAttempts, which has no bound by default", () => {
    const attempts = made({ reconnect: { maxAttempts: 2 } });
    attempts.failed = 1;
    expect(attempts.next(failed(), undefined)).toBe(500);
    attempts.failed = 2;
    expect(attempts.next(failed(), undefined)).toBeUndefined();
    const without = made();
    without.failed = 1e6;
    expect(without.next(failed(), undefined)).toBe(500);
  });

  test("when shouldReconnect says no, which is told all there is", () => {
    const asked: unknown[] = [];
    const shouldReconnect = (info: unknown): boolean => {
      asked.push(info);
      return false;
    };
    const attempts = made({ shouldReconnect });
    attempts.failed = 4;
    const error = failed({ status: 503, retryAfter: 7 });
    const disconnect = ended(1006);
    expect(attempts.next(error, disconnect)).toBeUndefined();
    expect(asked).toEqual([{ disconnect, error, status: 503, retryAfter: 7, attempt: 5 }]);
    expect(Object.isFrozen(asked[0])).toBe(true);
  });
});

test.each<[unknown, number]>([
  [true, 500],
  [undefined, 500],
  [5, 5000],
  [0.1, 500],
  [-5, 500],
  [Number.NaN, 500],
  [Infinity, 500],
  ["5", 500],
])("shouldReconnect that answers %j lets it be after %i ms", (answer, delay) => {
  const shouldReconnect = (): never => answer as never;
  expect(made({ shouldReconnect }).next(failed(), undefined)).toBe(delay);
});
