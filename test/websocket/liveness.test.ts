import { describe, expect, test } from "vitest";
import { alive, type Life, type LivenessLimits, look } from "../../src/websocket/liveness.js";

const limits: LivenessLimits = { interval: 20_000, timeout: 10_000, maxSilence: undefined, pings: true };

/** Looks whenever it is due, until it is dead or `end`. */
function silent(of: LivenessLimits, end = 1e6): { dead: number; pings: number[] } {
  let life: Life = alive(of, 0);
  const pings: number[] = [];
  while (life.due < end) {
    const now = life.due;
    const judged = look(of, life, now);
    if (judged.verdict === "dead") return { dead: now, pings };
    if (judged.verdict === "ping") pings.push(now);
    life = judged.life;
  }
  return { dead: Infinity, pings };
}

describe("liveness", () => {
  test("asks after the interval, and is dead after interval and timeout, not later", () => {
    expect(silent(limits)).toEqual({ dead: 30_000, pings: [20_000] });
  });

  test("ends a silence of maxSilence, with pings or without", () => {
    expect(silent({ ...limits, maxSilence: 5000 }).dead).toBe(5000);
    expect(silent({ ...limits, maxSilence: 25_000 })).toEqual({ dead: 25_000, pings: [20_000] });
    expect(silent({ ...limits, pings: false, maxSilence: 5000 }).dead).toBe(5000);
  });

  test("without pings and a bound nothing is judged", () => {
    expect(silent({ ...limits, pings: false })).toEqual({ dead: Infinity, pings: [] });
  });

  test("after a standstill it asks again, and gives the whole timeout", () => {
    const asked = look(limits, alive(limits, 0), 20_000).life;
    const back = look(limits, asked, 90_000);
    expect(back.verdict).toBe("ping");
    const last = look(limits, back.life, back.life.due);
    expect(last.verdict).toBe("alive");
    expect(look(limits, last.life, last.life.due)).toMatchObject({ verdict: "dead" });
    expect(last.life.due).toBe(100_000);
  });

  test("never says dead at the first look after its end: what has arrived is read before the second", () => {
    const asked = look(limits, alive(limits, 0), 20_000).life;
    const late = look(limits, asked, 34_000);
    expect(late.verdict).toBe("alive");
    expect(late.life.due).toBeGreaterThan(34_000);
    expect(look(limits, late.life, late.life.due).verdict).toBe("dead");
  });
});
