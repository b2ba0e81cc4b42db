import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { temporaryFolder } from "./folder.js";

const python = ["python3", "python"].find(
  (name) => spawnSync(name, ["-c", "import datetime; datetime.datetime.fromisoformat"]).status === 0,
);
const reason = python === undefined ? " (SKIPPED: no python3 here)" : "";

function runPython(script: string, ...args: string[]): string {
  return execFileSync(python ?? "python3", ["-c", script, ...args], { encoding: "utf8" });
}

/** Writes as the original does: its four fields, `datetime.isoformat()`, `json.dumps`. */
const ORIGINAL_WRITER = `
import datetime, json, os, socket, sys
now = datetime.datetime.now(tz=datetime.timezone.utc)
if sys.argv[2] == "whole":
    now = now.replace(microsecond=0)
state = {
    "timestamp": now.isoformat(),
    "pid": os.getppid(),
    "hostname": socket.gethostname(),
    "metadata": {"version": "1.0.0", "spread": float("nan"), "name": "\\u00e9\\U0001f600"},
}
with open(sys.argv[1], "w") as file:
    json.dump(state, file)
`;

/** Writes like the bot in the original's examples, with its own counters and status and without a hostname. */
const EXAMPLE_WRITER = `
import datetime, json, sys
now = datetime.datetime.now(tz=datetime.timezone.utc) - datetime.timedelta(seconds=float(sys.argv[3]))
state = {
    "timestamp": now.isoformat(),
    "pid": 4711,
    "sessions": 1,
    "last_candle_time": None,
    "status": sys.argv[2],
    "error": None,
    "metadata": {"pairs": ["BTC/USDT"]},
}
with open(sys.argv[1], "w") as file:
    json.dump(state, file, indent=2)
`;

/** Reads as the reference shows it, and prints what it found; of times only those that Python 3.8 reads too. */
const ORIGINAL_READER = `
import datetime, json, re, sys
with open(sys.argv[1]) as file:
    state = json.load(file)
for text in [state["timestamp"], state["started_at"]]:
    assert re.fullmatch(r"\\d{4}-\\d\\d-\\d\\d.\\d\\d:\\d\\d:\\d\\d(\\.\\d{3}(\\d{3})?)?([+-]\\d\\d:\\d\\d)?", text), text
time = datetime.datetime.fromisoformat(state["timestamp"])
print(json.dumps([
    (time - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)).total_seconds(),
    time.utcoffset().total_seconds(),
    state["pid"], state["hostname"], state["metadata"],
    datetime.datetime.fromisoformat(state["started_at"]).isoformat(timespec="microseconds") == state["started_at"],
    state["status"],
]))
`;

describe.skipIf(python === undefined)(`the Python original${reason}`, () => {
  const LIVES: readonly [string, (heartbeat: Heartbeat) => Promise<void>][] = [
    ["starting", (heartbeat) => heartbeat.beat()],
    [
      "starting",
      async (heartbeat) => {
        heartbeat.start({ ready: false });
        await heartbeat.beat();
      },
    ],
    [
      "running",
      async (heartbeat) => {
        heartbeat.start();
        await heartbeat.beat();
      },
    ],
    [
      "draining",
      async (heartbeat) => {
        heartbeat.start();
        heartbeat.drain();
        await heartbeat.beat();
      },
    ],
    [
      "stopped",
      async (heartbeat) => {
        heartbeat.start();
        await heartbeat.stop();
      },
    ],
  ];

  test.each(LIVES)("reads our file while it is %s (%#)", async (status, live) => {
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const clock = new ManualClock();
    clock.jumpWall(0.678);
    const metadata = { version: "1.0.0", name: "é😀", list: [1, null, true] };
    const heartbeat = new Heartbeat({ stateFile, clock, metadata });
    await live(heartbeat);
    expect(JSON.parse(runPython(ORIGINAL_READER, stateFile))).toEqual([
      clock.wallNow() / 1000,
      0,
      process.pid,
      os.hostname(),
      metadata,
      true,
      status,
    ]);
    await heartbeat.stop();
  });

  test("reads our file in the encoding of any locale", async () => {
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const metadata = { city: "Zürich", note: "\u{1F680} 漢字", ключ: ["\u2028"] };
    await new Heartbeat({ stateFile, metadata }).beat();
    const script = "import json, sys; print(json.dumps(json.load(open(sys.argv[1]))['metadata']))";
    for (const locale of [{ LC_ALL: "C", PYTHONUTF8: "0", PYTHONCOERCECLOCALE: "0" }, { PYTHONUTF8: "1" }]) {
      const env = { ...process.env, ...locale };
      const text = execFileSync(python ?? "python3", ["-c", script, stateFile], { encoding: "utf8", env });
      expect(JSON.parse(text)).toEqual(metadata);
    }
  });

  test("writes files in its examples without a hostname, and fresh ones are alive", async () => {
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const age = (status: string, seconds: number): string =>
      runPython(EXAMPLE_WRITER, stateFile, status, String(seconds));
    for (const status of ["running", "error"]) {
      age(status, 0);
      const { state, ...verdict } = await Heartbeat.check(stateFile);
      expect(verdict).toEqual({ status: "alive", age: expect.any(Number) });
      expect(state).toMatchObject({ hostname: "", metadata: { pairs: ["BTC/USDT"] } });
      age(status, 31);
      expect((await Heartbeat.check(stateFile)).status).toBe("stale");
    }
    age("stopped", 0);
    expect((await Heartbeat.check(stateFile)).status).toBe("stopped");
  });

  test.each(["whole", "fraction"])("writes what we read, with a %s second", async (second) => {
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const before = Date.now();
    runPython(ORIGINAL_WRITER, stateFile, second);
    expect(fs.readFileSync(stateFile, "utf8")).toContain("NaN");
    const { status, age, state } = await Heartbeat.check(stateFile);
    expect(state).toMatchObject({
      pid: process.pid,
      hostname: os.hostname(),
      metadata: { version: "1.0.0", spread: null, name: "é😀" },
    });
    expect(status).toBe("alive");
    expect(Date.parse(state?.timestamp ?? "")).toBeGreaterThanOrEqual(before - 1000);
    expect(age).not.toBeNull();
  });
});
