import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kindOfBlock } from "../../../src/watchdog/monitor/examination.js";
import { built, checkBuilt, fixture, type Run, run } from "../fork.js";

const scenario = (name: string, ...args: string[]): Promise<Run> =>
  run([fixture("watchdog-scenarios.mjs"), name, ...args]);

const root = mkdtempSync(path.join(tmpdir(), "freeze-"));

/** A program that is in a system call until its freeze was reported. */
function untilReported(name: string): Promise<Run> {
  const file = path.join(mkdtempSync(path.join(root, "case-")), "reported");
  const onStderr = (text: string): void => {
    if (text.includes("was not pinged") && !existsSync(file)) writeFileSync(file, "");
  };
  return run([fixture("watchdog-scenarios.mjs"), name, file], { onStderr });
}

beforeAll(checkBuilt);
afterAll(() => rmSync(root, { recursive: true }));

const linux = process.platform === "linux";
const posix = process.platform !== "win32";

describe.concurrent("a frozen thread", () => {
  test("is reported at once, emits a timeout when it is back, and again the next time", async () => {
    const { code, events, stderr } = await scenario("freeze");
    const names = events.map(({ event }) => event);
    expect(names).toEqual(["back", "timeout", "recover", "pinged", "timeout"]);
    const [back, timeout, recover, pinged] = events;
    expect(back).toMatchObject({ triggered: true });
    expect(pinged).toMatchObject({ triggered: false });
    expect(recover?.["secondsTriggered"]).toBeGreaterThanOrEqual(Number(pinged?.["seconds"]));
    expect(timeout).toMatchObject({ name: "feed", kind: expect.stringMatching(/^blocked-/) });
    expect(timeout?.["secondsInactive"]).toBeGreaterThanOrEqual(1);
    expect(timeout?.["stack"]).toMatch(/^\s+at .*/);
    expect(timeout?.["stack"]).toContain("blockUntilFound");
    expect(stderr.match(/\[watchdog\] feed was not pinged for/g)).toHaveLength(2);
    expect(stderr).toMatch(/\(blocked-\w+\)\n(\s+at .*\n)*\s+at blockUntilFound /);
    expect(code).toBe(0);
  });

  test("counts as frozen again if its loop ran in between, pinged or not", async () => {
    const { events } = await scenario("freeze-twice-without-ping", path.join(root, "reports"));
    expect(events.map(({ kind }) => kind)).toEqual(Array(2).fill(expect.stringMatching(/^blocked-/)));
  });

  test("ends by onFreeze exit with code 70 after the exit listeners", async () => {
    const { code, events, stderr } = await scenario("exit");
    expect(code).toBe(70);
    expect(events).toEqual([{ event: "exit", code: 70 }]);
    expect(stderr).toContain("blockForEver");
    expect(stderr).toContain("feed: ending the process with exit code 70");
  });

  test("ends with the given exit code", async () => {
    await expect(scenario("exit-code")).resolves.toMatchObject({ code: 42 });
  });

  test("ends by onFreeze exit also when an exit listener throws, and says so", async () => {
    const { code, stderr } = await scenario("exit-with-failing-listener");
    expect(code).toBe(70);
    expect(stderr).toContain("of an exit listener");
  });

  test.runIf(posix)("ends by onFreeze kill at once", async () => {
    const { signal, events, stderr } = await scenario("kill");
    expect(signal).toBe("SIGKILL");
    expect(events).toEqual([]);
    expect(stderr).toContain("blockForEver");
  });

  test.runIf(posix)("is killed by onFreeze exit where no JavaScript runs", async () => {
    const { signal, stderr } = await scenario("exit-from-child-process");
    expect(signal).toBe("SIGKILL");
    expect(stderr).toContain("no JavaScript runs on the frozen thread");
  });

  test.runIf(linux)("that waits for a child process is recognized by its state in the kernel", async () => {
    const { events, stderr } = await untilReported("child-process");
    expect(events).toMatchObject([
      { event: "timeout", kind: "blocked-native", details: { threadState: "S" } },
    ]);
    // Where it had been waiting, found out as it came back.
    expect(events[0]?.["stack"]).toContain("execSync");
    expect(stderr).toContain("(blocked-native)");
    expect(stderr).toMatch(/child process \d+: .*sleep 0\.05/);
  });

  test.runIf(posix)("has no stack that shows only code of the runtime", async () => {
    const { events } = await untilReported("child-process-last");
    expect(events).toMatchObject([{ event: "timeout", kind: "blocked-native" }]);
    const { stack = "file:" } = events[0] ?? {};
    expect(stack).toContain("file:");
  });

  test("that runs endless microtasks is reported, with a reason if there is no stack", async () => {
    const { events, stderr } = await scenario("microtasks");
    expect(events).toMatchObject([{ event: "timeout", kind: "blocked-js" }]);
    expect(stderr).toMatch(/\(blocked-js\)\n {4}\S/);
    expect(stderr).toMatch(/^ {4}(at |no stack: no JavaScript)/m);
  });

  test("is also reported by the CommonJS build", async () => {
    const { code, events } = await run([fixture("watchdog-commonjs.cjs")]);
    expect(events).toMatchObject([{ event: "timeout", name: "cjs", kind: "blocked-js" }]);
    expect(code).toBe(0);
  });

  test("is also examined and ended in a bundle that keeps the names of functions", async () => {
    const outdir = mkdtempSync(path.join(path.dirname(built), "../bundle-"));
    await build({
      entryPoints: { program: fixture("watchdog-scenarios.mjs") },
      outdir,
      bundle: true,
      minifySyntax: true,
      minifyWhitespace: true,
      keepNames: true,
      platform: "node",
      format: "esm",
    });
    const { code, stderr } = await run([path.join(outdir, "program.js"), "exit"]);
    rmSync(outdir, { recursive: true });
    expect(stderr).toMatch(/\(blocked-\w+\)\n(\s+at .*\n)*\s+at blockForEver /);
    expect(code).toBe(70);
  });

  test("other than the main one is reported without a stack", async () => {
    const { code, events, stderr } = await scenario("worker-thread");
    expect(events).toMatchObject([
      { event: "timeout", kind: "blocked-js", details: { noStack: "only the main thread can be inspected" } },
      { event: "worker over", code: 0 },
    ]);
    expect(stderr).toContain("no stack: only the main thread can be inspected");
    expect(code).toBe(0);
  });
});

describe.concurrent("a thread that is not frozen", () => {
  test("reports work that hangs at once", async () => {
    const { events, stderr } = await scenario("hang");
    expect(events).toMatchObject([{ event: "timeout", kind: "not-pinged" }, { event: "recover" }]);
    expect(stderr).toBe("");
  });

  test("ends although a watchdog is running", async () => {
    await expect(scenario("idle")).resolves.toEqual({ code: 0, signal: null, events: [], stderr: "" });
  });

  test("exits silently with a running watchdog", async () => {
    await expect(scenario("process-exit")).resolves.toEqual({
      code: 3,
      signal: null,
      events: [],
      stderr: "",
    });
  });

  test.runIf(linux)("has no warning and nothing left after many watchdogs, runs and monitors", async () => {
    const { code, events, stderr } = await scenario("many");
    expect(events).toEqual([{ event: "left", listeners: 0, threads: 0 }]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  test.runIf(linux)("has one monitor for all watchdogs, which ends with the last", async () => {
    const { events } = await scenario("threads");
    expect(events).toEqual([
      { event: "threads", during: 1, again: 1, after: 0 },
      { event: "resources", left: [] },
    ]);
  });

  test("is watched by timers, with a warning, where no thread may be started", async () => {
    const permission = process.allowedNodeEnvironmentFlags.has("--permission")
      ? "--permission"
      : "--experimental-permission";
    const { events } = await run([
      permission,
      "--allow-fs-read=*",
      fixture("watchdog-scenarios.mjs"),
      "no-threads",
    ]);
    expect(events.filter(({ code }) => code === "KSTLIB_NO_MONITOR")).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ event: "timeout", kind: "not-pinged" });
  });
});

describe.concurrent("a run that raises", () => {
  const error = { event: "caught", name: "WatchdogTimeoutError", code: "ERR_WATCHDOG_TIMEOUT" };

  test.runIf(posix)("throws into synchronous code that never returns", async () => {
    const { code, events } = await scenario("raise");
    expect(events).toMatchObject([
      { ...error, stackOfFrozenThread: expect.stringContaining("blockForEver") },
      { ...error, stackOfFrozenThread: expect.stringContaining("catastrophe") },
      error,
      { event: "returned", result: "well" },
      { event: "alive" },
    ]);
    expect(code).toBe(0);
  });

  test.runIf(posix)("throws out of an inner run with a longer timeout", async () => {
    const { events } = await scenario("raise-nested");
    expect(events).toMatchObject([error, { event: "alive" }]);
  });

  test.runIf(posix)("throws at once out of two runs that have timed out together", async () => {
    const { events } = await scenario("raise-both");
    expect(events).toMatchObject([{ ...error, late: false }]);
  });

  test.runIf(posix)("throws when a system call returns that could not be interrupted", async () => {
    const { events } = await untilReported("raise-child-process");
    expect(events).toMatchObject([error]);
  });

  test.runIf(posix)("passes a Ctrl-C on to its listeners, and throws an error for it", async () => {
    const { events } = await scenario("ctrl-c");
    expect(events).toMatchObject([
      { event: "caught", name: "WatchdogError", code: "ERR_WATCHDOG_INTERRUPTED" },
      { event: "SIGINT" },
      { event: "listeners", sigint: 1 },
    ]);
  });

  test.runIf(posix)("ends the process if the error of a Ctrl-C is not caught", async () => {
    const { code, stderr } = await scenario("ctrl-c-caught-by-nobody");
    expect(stderr).toContain("ERR_WATCHDOG_INTERRUPTED");
    expect(code).toBe(1);
  });

  test.runIf(posix)("does not change other errors around a Ctrl-C", async () => {
    const { code, stderr } = await scenario("ctrl-c-and-another-error");
    expect(stderr).toContain("Error: of the application");
    expect(code).toBe(1);
  });

  test.runIf(posix)("is ended by a Ctrl-C without a listener", async () => {
    await expect(scenario("ctrl-c-without-listener")).resolves.toMatchObject({
      signal: "SIGINT",
      events: [],
    });
  });

  test("rejects a promise that never settles, and keeps the process alive until then", async () => {
    const { code, events } = await scenario("run");
    expect(events).toMatchObject([error]);
    expect(code).toBe(0);
  });
});

describe("the kind of a block", () => {
  test.each([
    // the answer took, was asked, thread state, kind
    [1, true, "R", "blocked-js"],
    [400, true, "R", "blocked-js"],
    [1, true, "S", "blocked-js"],
    [101, true, "S", "blocked-native"],
    [101, true, "D", "blocked-native"],
    [101, true, undefined, "blocked-js"],
    [undefined, true, "R", "blocked-native"],
    [undefined, true, undefined, "blocked-native"],
    [undefined, false, "R", "blocked-js"],
    [undefined, false, "S", "blocked-native"],
    [undefined, false, "D", "blocked-native"],
    [undefined, false, undefined, "blocked-js"],
  ] as const)("answered after %s ms, asked %s, in state %s is %s", (took, asked, state, kind) => {
    expect(kindOfBlock(took === undefined ? undefined : { value: "", took }, asked, state)).toBe(kind);
  });
});
