import { describe, expect, test } from "vitest";
import type { SuperviseEvent } from "../../../src/cli/supervise/events.js";
import { jsonLine, showCommand, textLine } from "../../../src/cli/supervise/lines.js";

const WALL = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const TIME = "2026-01-02T03:04:05.678Z";

const EVENTS: readonly (readonly [SuperviseEvent, string])[] = [
  [{ event: "started", pid: 123, run: 1, command: "node bot.mjs" }, "started pid 123 (node bot.mjs)"],
  [
    { event: "start-failed", run: 1, command: "bot", reason: "command not found" },
    "cannot start bot: command not found",
  ],
  [
    { event: "stale", pid: 1, seconds: 30.44, beaten: true },
    "stale: no heartbeat of pid 1 for 30.4s; sending SIGTERM",
  ],
  [
    { event: "stale", pid: 1, seconds: 30, beaten: false },
    "stale: no first heartbeat of pid 1 in 30.0s; sending SIGTERM",
  ],
  [
    { event: "stale", pid: 1, seconds: 5.2, beaten: true, interval: 10 },
    "stale: no heartbeat of pid 1 for 5.2s, but it beats every 10s: --max-age must be longer; sending SIGTERM",
  ],
  [
    { event: "frozen", pid: 1 },
    "frozen: the heartbeat of pid 1 reports a blocked event loop; sending SIGTERM",
  ],
  [{ event: "forwarded", pid: 1, signal: "SIGUSR2" }, "forwarded SIGUSR2 to pid 1"],
  [{ event: "stopping", pid: 1, signal: "SIGTERM" }, "stopping on SIGTERM; waiting for pid 1"],
  [{ event: "stopping", pid: null, signal: "SIGINT" }, "stopping on SIGINT"],
  [{ event: "killing", pid: 1, reason: "grace" }, "killing pid 1 with SIGKILL: it did not end in time"],
  [
    { event: "killing", pid: 1, reason: "second-signal" },
    "killing pid 1 with SIGKILL: second request to stop",
  ],
  [
    { event: "exited", pid: 1, code: 3, signal: null, seconds: 90.25 },
    "exited pid 1: code 3, after 1m30s250ms",
  ],
  [{ event: "exited", pid: 1, code: null, signal: "SIGKILL", seconds: 1 }, "exited pid 1: SIGKILL, after 1s"],
  [{ event: "leftovers", pid: 1, count: 1 }, "pid 1 left 1 process running; sending SIGTERM"],
  [{ event: "left-behind", pid: 1, count: 2 }, "pid 1: 2 processes cannot be killed"],
  [{ event: "restarting", delay: 0.5 }, "restarting in 500ms"],
  [{ event: "gave-up", restarts: 5, window: 600 }, "gave up: 5 restarts within 10m were not enough"],
  [{ event: "ended", code: 143 }, "ended with code 143"],
];

describe("a line", () => {
  test.each(EVENTS)("of %j for people", (event, text) => {
    expect(textLine(event, WALL)).toBe(`${TIME} supervise: ${text}\n`);
  });

  test("of JSON begins with the time and contains the event", () => {
    expect(jsonLine({ event: "ended", code: 0 }, WALL)).toBe(`{"time":"${TIME}","event":"ended","code":0}\n`);
  });

  test("is coloured by the given function", () => {
    const line = textLine(
      { event: "gave-up", restarts: 1, window: 1 },
      WALL,
      (text, colour) => `<${colour}>${text}`,
    );
    expect(line).toContain("supervise: <red>gave up");
  });
});

describe("a command", () => {
  test.each([
    [["node", "bot.mjs", "--a=b"], "node bot.mjs --a=b"],
    [["sh", "-c", "a b\n\u001B[2J"], String.raw`sh -c "a b\n\u001b[2J"`],
    [["x", ""], 'x ""'],
    [["x", "\u202Ey"], String.raw`x "\u{202e}y"`],
  ])("%j is shown on one line", (command, text) => {
    expect(showCommand(command)).toBe(text);
  });

  test("is shortened if it is long", () => {
    expect(showCommand(["x".repeat(500)])).toHaveLength(120);
  });
});
