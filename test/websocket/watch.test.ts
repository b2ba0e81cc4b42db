import { describe, expect, test } from "vitest";
import { ManualClock } from "../../src/testing/index.js";
import { type LivenessLimits, Watch } from "../../src/websocket/watch.js";

const limits: LivenessLimits = { interval: 20_000, timeout: 10_000 };

/** A watched connection that says nothing by itself. */
class Silent {
  readonly clock = new ManualClock();
  readonly pings: number[] = [];
  died: number | undefined;
  isPaused = false;
  bytesRead = 0;
  readonly watch: Watch;

  constructor(of: LivenessLimits) {
    this.watch = new Watch(this.clock, of, this);
  }

  ping(): void {
    this.pings.push(this.clock.now());
  }

  dead(): void {
    this.died = this.clock.now();
  }
}

describe("a watch", () => {
  test("asks after the interval, and finds the end after interval and timeout, not later", async () => {
    const silent = new Silent(limits);
    await silent.clock.advance(100);
    expect([silent.died, silent.pings]).toEqual([30_000, [20_000]]);
    expect(silent.clock.pendingTimers).toBe(0);
  });

  test.each([
    [{ ...limits, maxSilence: 5000 }, 5000, []],
    [{ ...limits, maxSilence: 25_000 }, 25_000, [20_000]],
    [{ ...limits, interval: Infinity, maxSilence: 5000 }, 5000, []],
    [{ ...limits, interval: Infinity }, undefined, []],
  ])("with %j finds the end at %s", async (of, died, pings) => {
    const silent = new Silent(of);
    await silent.clock.advance(1000);
    expect([silent.died, silent.pings]).toEqual([died, pings]);
  });

  test("takes anything received for an answer, but no answer for a message", async () => {
    const silent = new Silent({ ...limits, maxSilence: 45_000 });
    for (let answers = 0; answers < 4 && silent.died === undefined; answers++) {
      await silent.clock.advance(21);
      silent.watch.hear(false);
    }
    expect([silent.died, silent.pings]).toEqual([45_000, [20_000, 41_000]]);
  });

  test("asks again an interval after the last answer, also when it would have waited longer for that", async () => {
    const silent = new Silent({ interval: 5000, timeout: 10_000 });
    await silent.clock.advance(5.1);
    silent.watch.hear(false);
    await silent.clock.advance(5);
    expect(silent.pings).toEqual([5000, 10_100]);
  });

  test("waits for the rest of a large message, and for a reader that pauses the socket", async () => {
    for (const lives of ["bytes", "paused"]) {
      const silent = new Silent(limits);
      for (let seconds = 0; seconds < 100; seconds++) {
        if (lives === "bytes") silent.bytesRead++;
        else silent.isPaused = true;
        await silent.clock.advance(1);
      }
      expect(silent.died).toBeUndefined();
      silent.isPaused = false;
      await silent.clock.advance(60);
      expect(silent.died).toBeDefined();
      silent.watch.stop();
    }
  });

  test("after a standstill asks again, and gives the whole timeout", async () => {
    const silent = new Silent(limits);
    await silent.clock.advance(20);
    silent.clock.sleepSync(70_000);
    await silent.clock.advance(0);
    expect([silent.died, silent.pings]).toEqual([undefined, [20_000, 90_000]]);
    await silent.clock.advance(30);
    expect(silent.died).toBe(100_000);
  });

  test("never judges at the first look after its end: what has arrived is read before the second", async () => {
    const silent = new Silent(limits);
    await silent.clock.advance(20);
    silent.clock.sleepSync(14_000);
    await silent.clock.advance(0);
    expect(silent.died).toBeUndefined();
    silent.watch.hear(false);
    await silent.clock.advance(1);
    expect(silent.died).toBeUndefined();
  });
});
