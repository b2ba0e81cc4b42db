import { describe, expect, test } from "vitest";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { LastHeard } from "../../src/websocket/last-heard.js";

/** Seconds since it was made, of what was certainly delivered by then. */
function heard() {
  const clock = new ManualClock();
  const start = clock.now();
  const wall = clock.wallNow();
  const last = new LastHeard(clock);
  const since = (): number => {
    expect(last.moment.at - start).toBe(last.moment.wall - wall);
    return (last.moment.at - start) / 1000;
  };
  return { clock, last, since };
}

describe("what a connection has certainly delivered", () => {
  test("is all up to the last message of a stream", async () => {
    const { clock, last, since } = heard();
    for (let count = 1; count <= 5; count++) {
      await clock.advance(1);
      last.hear();
      // A second between messages is no standstill.
      expect(since()).toBe(count);
    }
    await clock.advance(7);
    expect(since()).toBe(5);
  });

  test("is for a second after a standstill what was delivered before it", async () => {
    const { clock, last, since } = heard();
    await clock.advance(1.001);
    last.hear();
    expect(since()).toBe(0);
    await clock.advance(0.999);
    last.hear();
    expect(since()).toBe(0);
    await clock.advance(0.001);
    expect(since()).toBe(2);
  });

  test("is what was delivered before a pause, and for a second after it", async () => {
    const { clock, last, since } = heard();
    await clock.advance(1);
    last.hear();
    await clock.advance(1);
    last.pause();
    await clock.advance(60);
    expect(since()).toBe(1);
    last.resume();
    await clock.advance(0.5);
    last.hear();
    expect(since()).toBe(1);
    await clock.advance(0.5);
    expect(since()).toBe(62.5);
  });

  test("is what was delivered before the first of several pauses, as long as the last one", async () => {
    const { clock, last, since } = heard();
    last.pause();
    await clock.advance(60);
    last.resume();
    last.hear();
    last.pause();
    await clock.advance(60);
    expect(since()).toBe(0);
    last.resume();
    last.hear();
    await clock.advance(1);
    expect(since()).toBe(120);
  });
});
