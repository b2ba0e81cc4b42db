import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { Heartbeat, type HeartbeatSink } from "../../src/heartbeat/index.js";
import type { HeartbeatState } from "../../src/heartbeat/index.js";
import { ManualClock } from "../../src/testing/index.js";
import { collectWarnings, temporaryFolder } from "./folder.js";

/** A sink that notes what it gets. */
function noting(): HeartbeatSink & { readonly statuses: unknown[]; readonly states: HeartbeatState[] } {
  const states: HeartbeatState[] = [];
  const statuses: unknown[] = [];
  return {
    states,
    statuses,
    write(state) {
      states.push(state);
      statuses.push(state.status);
    },
  };
}

const failing: HeartbeatSink = { write: () => Promise.reject(new Error("no connection")) };

describe("the sinks of a heartbeat", () => {
  test("get every beat, stopped last, without a file", async () => {
    const [one, two] = [noting(), noting()];
    const clock = new ManualClock();
    const heartbeat = new Heartbeat({ sinks: [one, two], interval: 10, clock });
    heartbeat.start();
    await clock.advance(20);
    await heartbeat.stop();
    expect(one.statuses).toEqual(["running", "running", "running", "stopped"]);
    expect(two.states).toEqual(one.states);
    expect(heartbeat.snapshot()).toMatchObject({ beats: 3, missedBeats: 0, lastError: null });
  });

  test("that fail or throw harm neither one another nor the file", async () => {
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const good = noting();
    const throwing: HeartbeatSink = {
      write() {
        throw new Error("broken");
      },
    };
    const clock = new ManualClock();
    const warnings = collectWarnings("KSTLIB_HEARTBEAT_MISSED");
    const heartbeat = new Heartbeat({ stateFile, sinks: [failing, throwing, good], clock });
    await expect(heartbeat.beat()).rejects.toMatchObject({
      code: "ERR_HEARTBEAT_WRITE",
      message: 'heartbeat "heartbeat" missed a beat: sinks[0]: no connection.',
    });
    await expect(heartbeat.beat()).rejects.toThrow("sinks[0]");
    expect(good.states).toHaveLength(2);
    expect(JSON.parse(fs.readFileSync(stateFile, "utf8"))).toMatchObject({ sequence: 2 });
    // The first of a series warns.
    const told = warnings.map((text) => /sinks\[\d\]: .*/.exec(text)?.[0]);
    expect(new Set(told)).toEqual(new Set(["sinks[0]: no connection.", "sinks[1]: broken."]));
    expect(told).toHaveLength(2);
    expect(heartbeat.snapshot()).toMatchObject({ beats: 2, missedBeats: 4, lastError: null });
  });

  test("make a missed beat when none of them takes it and there is no file", async () => {
    let isFailing = true;
    const sink: HeartbeatSink = {
      write: () => (isFailing ? Promise.reject(new Error("no connection")) : Promise.resolve()),
    };
    const heartbeat = new Heartbeat({ sinks: [failing, sink], onMissedBeat: () => {} });
    await expect(heartbeat.beat()).rejects.toThrow("sinks[0]: no connection");
    expect(heartbeat.snapshot()).toMatchObject({
      beats: 0,
      lastError: expect.stringContaining("no connection"),
    });
    isFailing = false;
    await expect(heartbeat.beat()).rejects.toThrow("sinks[0]");
    expect(heartbeat.snapshot()).toMatchObject({ beats: 1, lastError: null });
  });

  test("that do not answer delay nothing, and get the latest beat when they do", async () => {
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const good = noting();
    const slow = noting();
    let answer = (): void => {};
    const hanging: HeartbeatSink = {
      write(state) {
        slow.write(state);
        return new Promise<void>((resolve) => {
          answer = resolve;
        });
      },
    };
    const missed: string[] = [];
    const clock = new ManualClock();
    const heartbeat = new Heartbeat({
      stateFile,
      sinks: [hanging, good],
      interval: 1,
      clock,
      onMissedBeat: ({ message }) => missed.push(message),
    });
    heartbeat.start();
    await clock.advance(2);
    expect(good.states.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(missed.at(-1)).toBe(
      'heartbeat "heartbeat" missed a beat: sinks[0]: the previous write has not ended after 2s.',
    );
    answer();
    await clock.advance(0);
    expect(slow.states.map(({ sequence }) => sequence)).toEqual([1, 3]);

    // stop() waits 5 s for it, and no longer.
    let isStopped = false;
    const stopping = (async () => {
      await heartbeat.stop();
      isStopped = true;
    })();
    await clock.advance(4.9);
    expect([isStopped, good.statuses.at(-1)]).toEqual([false, "stopped"]);
    await clock.advance(0.1);
    await stopping;
    expect(isStopped).toBe(true);
  });
});
