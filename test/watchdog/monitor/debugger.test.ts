import { describe, expect, test } from "vitest";
import { fixture, type Run, run } from "../fork.js";

const ended = { code: 70, signal: null, events: [{ event: "exit", code: 70 }] };

describe.concurrent("onFreeze exit", () => {
  test.each([
    ["--inspect=0", "exit"],
    ["--inspect=0", "exit-in-worker"],
    ["--no-warnings", "exit", "opened"],
  ])(
    "runs the exit listeners and ends with its code while nobody debugs (%s, %s)",
    async (flag, ...program) => {
      const result = await run([flag, fixture("watchdog-debugged.mjs"), ...program]);
      expect(result).toMatchObject(ended);
      expect(result.stderr).toContain("Debugger listening");
      expect(result.stderr).not.toContain("killing");
    },
  );

  test("does not wait for a debugger that stays", async () => {
    const result = await debugged("--inspect=0", "exit-attached", "stay");
    expect(result).toMatchObject(ended);
    expect(result.stderr).toContain("Debugger attached");
    expect(result.stderr).not.toContain("killing");
  });
});

function debugged(flag: string, program: string, hold = "1800"): Promise<Run> {
  return run([fixture("debugger-client.mjs"), flag, hold, fixture("watchdog-debugged.mjs"), program]);
}

const realFreeze = { event: "timeout", name: "feed", kind: "blocked" };
const wentOn = [{ event: "went on" }, { event: "calm", timeouts: 0 }, realFreeze];

describe.concurrent("a thread that a debugger has stopped for longer than the timeout", () => {
  test.each([
    ["--inspect=0", "breakpoint"],
    ["--inspect=0", "breakpoint-late"],
    ["--inspect-brk=0", "breakpoint"],
    ["-", "open"],
  ])("is not taken for frozen, and a real freeze after that is (%s, %s)", async (flag, program) => {
    const { events, stderr } = await debugged(flag, program);
    expect(events.findLast(({ event }) => event === "paused")).toMatchObject({ in: "breakpoint" });
    expect(events.filter(({ event }) => event !== "paused")).toEqual(wentOn);
    expect(stderr.match(/was not pinged/g)).toHaveLength(1);
  });

  test("is not thrown into by the run that it is in", async () => {
    const { events } = await debugged("--inspect=0", "breakpoint-in-run");
    const said = events.filter(({ event }) => event !== "paused");
    expect(said).toEqual([{ event: "returned", result: "went on" }, ...wentOn]);
  });

  test("is not taken for frozen while it waits for the debugger", async () => {
    const { events, stderr } = await debugged("-", "wait");
    expect(events).toEqual(wentOn);
    expect(stderr.match(/was not pinged/g)).toHaveLength(1);
  });
});
