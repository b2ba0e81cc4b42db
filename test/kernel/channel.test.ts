import diagnostics from "node:diagnostics_channel";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { openChannel } from "../../src/kernel/channel.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import { ManualClock } from "../../src/testing/index.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** What is published on a channel from now on. */
function hear(channel: string): unknown[] {
  const heard: unknown[] = [];
  const listener = (message: unknown): void => {
    heard.push(message);
  };
  diagnostics.subscribe(`kstlib.resilience.${channel}`, listener);
  ends.push(() => {
    diagnostics.unsubscribe(`kstlib.resilience.${channel}`, listener);
  });
  return heard;
}

const down = new Error("down");

describe("the channels of the process", () => {
  const clock = new ManualClock();

  test.each<[string, () => unknown, object]>([
    [
      "circuit-breaker.success",
      () => new CircuitBreaker({ name: "api" }).call(() => 5),
      { name: "api", value: 5, late: false },
    ],
    [
      "circuit-breaker.stateChange",
      () => new CircuitBreaker({ name: "api", maxFailures: 1 }).call(() => Promise.reject(down)),
      { name: "api", from: "closed", to: "open", reason: "tripped" },
    ],
    [
      "rate-limiter.acquired",
      () => new RateLimiter({ name: "api" }).tryAcquire(2),
      { name: "api", cost: 2, waited: 0 },
    ],
    [
      "keyed-rate-limiter.rejected",
      () => {
        const limiter = new KeyedRateLimiter({ name: "api", rate: 1, clock });
        limiter.tryAcquire("ann");
        limiter.tryAcquire("ann");
      },
      { name: "api", key: "ann", cost: 1, retryAfter: 1 },
    ],
    [
      "heartbeat.missedBeat",
      async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "channel-"));
        ends.push(() => fs.rmSync(folder, { recursive: true }));
        const heartbeat = new Heartbeat({ name: "job", stateFile: folder, clock, onMissedBeat: () => {} });
        await heartbeat.beat();
      },
      { name: "job", error: expect.objectContaining({ code: "ERR_HEARTBEAT_WRITE" }) },
    ],
    [
      "watchdog.timeout",
      async () => {
        const watchdog = new Watchdog({ name: "loop", timeout: 5, clock, onTimeout: () => {} });
        watchdog.start();
        await clock.advance(6);
        watchdog.stop();
      },
      expect.objectContaining({ name: "loop" }),
    ],
    [
      "shutdown.begin",
      () => new GracefulShutdown({ name: "app" }).trigger("test"),
      { name: "app", reason: "test" },
    ],
  ])("carry what components emit: %s", async (channel, cause, message) => {
    const heard = hear(channel);
    await Promise.allSettled([Promise.resolve().then(cause)]);
    expect(heard).toEqual([message]);
  });

  test("carry what was made before somebody subscribed, and nothing after he has left", async () => {
    const breaker = new CircuitBreaker({ name: "api" });
    await breaker.call(() => 1);
    const heard = hear("circuit-breaker.success");
    await breaker.call(() => 2);
    for (const end of ends.splice(0)) end();
    await breaker.call(() => 3);
    expect(heard).toEqual([{ name: "api", value: 2, late: false }]);
  });

  test("come after the listeners, in the order of the events", () => {
    const breaker = new CircuitBreaker({ name: "api", maxFailures: 1 });
    const order: string[] = [];
    const note = (what: string) => (): void => {
      order.push(what);
    };
    breaker.on("stateChange", note("listener"));
    for (const event of ["stateChange", "failure"]) {
      const channel = `kstlib.resilience.circuit-breaker.${event}`;
      const listener = note(`channel ${event}`);
      diagnostics.subscribe(channel, listener);
      ends.push(() => diagnostics.unsubscribe(channel, listener));
    }
    expect(() =>
      breaker.callSync(() => {
        throw down;
      }),
    ).toThrow(down);
    expect(order).toEqual(["listener", "channel stateChange", "channel failure"]);
  });

  test("carry a refusal of a permit, which makes an error only when it is heard", () => {
    const breaker = new CircuitBreaker({ clock });
    using _isolated = breaker.isolate();
    const heard = hear("circuit-breaker.rejected");
    expect(breaker.tryPermit()).toBeUndefined();
    expect(heard).toEqual([{ name: "circuit-breaker", error: expect.objectContaining({ refused: true }) }]);
  });

  test("are there no more than Node is", () => {
    vi.stubGlobal("process", {});
    const channel = openChannel("circuit-breaker", "success");
    vi.unstubAllGlobals();
    expect(channel.hasSubscribers).toBe(false);
    expect(() => channel.publish({})).not.toThrow();
  });
});
