import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkBuilt, fixture, type Run, run, type RunOptions } from "./fork.js";

const linux = process.platform === "linux";
const posix = process.platform !== "win32";
const root = mkdtempSync(path.join(tmpdir(), "watchdog-"));

const scenario = (name: string, argument = "", options?: RunOptions): Promise<Run> =>
  run([fixture("watchdog-judgement.mjs"), name, argument], options);
const newFolder = (): string => mkdtempSync(path.join(root, "case-"));

beforeAll(checkBuilt);
afterAll(() => rmSync(root, { recursive: true }));

function stopAndContinue(pid: number): void {
  process.kill(pid, "SIGSTOP");
  setTimeout(() => process.kill(pid, "SIGCONT"), 2000);
}

describe.concurrent("time that does not count", () => {
  test.runIf(posix)("is reported when the process was stopped for the whole timeout", async () => {
    const { events, stderr } = await scenario("stopped", "", { onReady: stopAndContinue });
    const told = [{ name: "feed", kind: "suspended", details: { secondsStarved: expect.any(Number) } }];
    expect(events).toMatchObject([{ event: "ready" }, { event: "done", timeouts: 0, told }]);
    expect(JSON.stringify(events[1])).toMatch(/"seconds":([1-9]\d*\.\d+).*"secondsSuspended":\1\b/);
    expect(stderr).toBe("");
  });

  test.runIf(posix)("is one warning if there is no listener", async () => {
    const { events, stderr } = await scenario("stopped", "silent", { onReady: stopAndContinue });
    expect(events).toEqual([{ event: "ready" }, { event: "done", timeouts: 0, told: [] }]);
    expect(stderr.match(/KSTLIB_WATCHDOG_NOT_COUNTED/g)).toHaveLength(1);
    expect(stderr).toMatch(/feed has not timed out: for .*\(suspended\)/);
  });

  test.runIf(linux)("is reported once while the thread has no CPU", async () => {
    const { events } = await scenario("starved");
    expect(events).toMatchObject([{ event: "done", timeouts: 0 }]);
    const told = events.flatMap(
      (event) => event["told"] as { readonly name: string; readonly kind: string }[],
    );
    // On a busy machine the process as a whole may stand still, too.
    const starved = told.filter(({ kind }) => kind !== "suspended");
    expect(starved).toMatchObject([{ name: "feed", kind: "starved" }]);
  });
});

describe.concurrent("the folder for reports", () => {
  test("keeps no more than maxReports, counting those of other processes", async () => {
    const folder = newFolder();
    await Promise.all([1, 2, 3].map(() => scenario("report", folder)));
    expect(readdirSync(path.join(folder, "reports", "of today"))).toHaveLength(2);
  });

  test("gets one report of each watchdog during a freeze", async () => {
    const folder = newFolder();
    const directory = path.join(folder, "reports", "of today");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of ["watchdog-feed-7-20200102T030405678Z.json", "watchdog-notes.json"]) {
      writeFileSync(path.join(directory, name), "");
    }
    const { events, stderr } = await scenario("report", folder);
    const back = events.find(({ event }) => event === "back");
    expect(back).toEqual({ event: "back", there: true });
    const files = readdirSync(directory).toSorted();
    expect(files).toEqual([
      expect.stringMatching(/^watchdog-a-b-c-\d+-\d{8}T\d{9}Z\.json$/),
      expect.stringMatching(/^watchdog-feed-\d+-\d{8}T\d{9}Z\.json$/),
      "watchdog-notes.json",
    ]);
    const [, file = ""] = files;
    const report = JSON.parse(readFileSync(path.join(directory, file), "utf8")) as Record<string, unknown>;
    expect(report).toEqual({
      name: "feed",
      secondsInactive: expect.any(Number),
      kind: expect.stringMatching(/^blocked-/),
      onFreeze: "report",
      pid: Number(file.split("-")[2]),
      hostname: hostname(),
      node: process.version,
      time: expect.stringMatching(/\+00:00$/),
      stack: expect.stringContaining("at block "),
      details: expect.any(Object),
    });
    expect(stderr).toContain(String(report["stack"]));
    if (!posix) return;
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(directory, file)).mode & 0o777).toBe(0o600);
  });

  test("that cannot be created is reported on stderr and changes nothing else", async () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, "file"), "");
    const { code, events, stderr } = await scenario("report-in-no-folder", folder);
    expect(code).toBe(0);
    expect(events).toMatchObject([{ event: "timeout" }]);
    expect(stderr).toMatch(/\[watchdog\] feed: no report in .*ENOTDIR/);
  });
});

describe.concurrent("a careless callback", () => {
  test("prevents no report and no later timeout of any watchdog", async () => {
    const { code, events, stderr } = await scenario("callbacks");
    const told = { throwing: 2, rejecting: 2, hanging: 2, stopping: 2, blocking: 2, stopped: 1 };
    expect(events.at(-1)).toEqual({ event: "done", told, left: [] });
    expect(stderr.match(/was not pinged/g)).toHaveLength(11);
    expect(code).toBe(0);
  });
});

describe.runIf(linux).concurrent("a stderr without a reader", () => {
  test("does not keep the monitor from ending the process", async () => {
    const pipe = path.join(newFolder(), "pipe");
    execFileSync("mkfifo", [pipe]);
    const descriptor = openSync(pipe, "r+");
    const { signal, events } = await scenario("unread-stderr", "", { stderr: descriptor });
    closeSync(descriptor);
    expect(events).toEqual([{ event: "full", code: "EAGAIN" }]);
    expect(signal).toBe("SIGKILL");
  });

  test("does not keep it from that when it is closed", async () => {
    const wrapper = ["sh", "-c", 'exec "$@" 2>&-', "sh"];
    const { code, events } = await scenario("exit", "", { wrapper });
    expect(events).toEqual([{ event: "exit", code: 70 }]);
    expect(code).toBe(70);
  });

  test("does not keep it from that when its reader has exited", async () => {
    const wrapper = ["bash", "-c", 'exec "$@" 2> >(exec true)', "bash"];
    const { code, events } = await scenario("exit", "", { wrapper });
    expect(events).toEqual([{ event: "exit", code: 70 }]);
    expect(code).toBe(70);
  });
});

describe.concurrent("a linked heartbeat", () => {
  test("says frozen with the time of its last beat, and beats as soon as the thread is back", async () => {
    const folder = newFolder();
    const { events } = await scenario("frozen", folder);
    const found = events.find(({ event }) => event === "frozen");
    const before = found?.["before"] as { status: string; sequence: number };
    expect(before.status).toBe("running");
    expect(found?.["during"]).toEqual({ ...before, status: "frozen" });
    expect(events).toContainEqual({ event: "back", status: "running", sequence: before.sequence + 1 });
    expect(events.at(-1)).toEqual({ event: "stopped", status: "stopped" });
    expect(readdirSync(folder)).toEqual(["app.heartbeat"]);
  });

  test.each(["exit", "kill"])("says frozen before the process ends by onFreeze %s", async (how) => {
    const folder = newFolder();
    await scenario(`frozen-and-${how}`, folder);
    expect(JSON.parse(readFileSync(path.join(folder, "app.heartbeat"), "utf8"))).toMatchObject({
      status: "frozen",
    });
    expect(readdirSync(folder)).toEqual(["app.heartbeat"]);
  });

  test("that was stopped stays stopped", async () => {
    const { events } = await scenario("frozen-after-stop", newFolder());
    expect(events.at(-1)).toEqual({ event: "done", status: "stopped" });
  });

  test("may have no state file", async () => {
    const { code, events, stderr } = await scenario("frozen-without-file");
    expect(events).toMatchObject([{ event: "timeout" }]);
    expect(stderr).not.toContain("frozen:");
    expect(code).toBe(0);
  });
});

const namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

function hasNamespaces(): boolean {
  try {
    const [command = "", ...args] = namespace;
    execFileSync(command, [...args, "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.runIf(hasNamespaces()).concurrent("a frozen PID 1", () => {
  const asInit = { wrapper: namespace };

  test("ends by onFreeze exit like any other process", async () => {
    const { code, events } = await scenario("exit", "", asInit);
    expect(code).toBe(70);
    expect(events).toEqual([{ event: "exit", code: 70 }]);
  });

  test.each(["kill", "exit-from-child-process"])(
    "ends where only a signal could end it: %s",
    async (name) => {
      const { signal, stderr } = await scenario(name, "", asInit);
      expect(stderr).toContain("SIGKILL does not end PID 1");
      // A container tells it as 133.
      expect(signal).toBe("SIGTRAP");
    },
  );
});

describe.runIf(posix).concurrent("a process about to be ended", () => {
  const alive = [{ event: "timeout", kind: expect.stringMatching(/^blocked-/) }, { event: "alive" }];

  test("goes on when its thread comes back during the examination", async () => {
    const { code, events } = await scenario("back-while-looked-at", newFolder());
    expect(events).toMatchObject(alive);
    expect(code).toBe(0);
  });

  test("goes on when its thread comes back after it was told to exit", async () => {
    const folder = newFolder();
    const file = path.join(folder, "continue");
    const onStderr = (text: string): void => {
      if (text.includes("ending the process") && !existsSync(file)) writeFileSync(file, "");
    };
    const { code, events, stderr } = await scenario("back-in-time", folder, { onStderr });
    expect(stderr).toContain("ending the process with exit code 70");
    expect(stderr).toContain("feed: the thread is back, the process goes on");
    expect(events).toMatchObject(alive);
    expect(code).toBe(0);
  });
});

describe.concurrent("an alert", () => {
  const alert = (who: string, kind: string): unknown => ({
    event: "alert",
    channel: "watchdog",
    message: expect.stringContaining(`${who} was not pinged`),
    kind: expect.stringContaining(kind),
  });

  test("is raised at each timeout of a watchdog, a run and a synchronous run", async () => {
    const { events } = await scenario("alerts");
    expect(events.filter(({ event }) => event === "alert")).toEqual([
      alert("feed", "blocked-"),
      alert("job", "not-pinged"),
      alert("job", "blocked-"),
    ]);
  });

  test("is also raised where no thread may be started", async () => {
    const permission = process.allowedNodeEnvironmentFlags.has("--permission")
      ? "--permission"
      : "--experimental-permission";
    const args = [
      permission,
      "--allow-fs-read=*",
      fixture("watchdog-judgement.mjs"),
      "alert-without-monitor",
    ];
    const { events } = await run(args);
    expect(events).toContainEqual(alert("feed", "not-pinged"));
  });
});

describe.runIf(posix).concurrent("nested and parallel runs", () => {
  test("a synchronous run that times out does not end the run around it", async () => {
    const { events } = await scenario("nested-inner-first");
    expect(events.filter(({ event }) => event !== "alert")).toMatchObject([
      { event: "inner", name: "WatchdogTimeoutError", message: expect.stringMatching(/^job was/) },
      { event: "outer", result: "well" },
    ]);
  });

  test("a run around a synchronous one times out only by its own timeout", async () => {
    const { events } = await scenario("nested-in-run");
    expect(events.filter(({ event }) => event !== "alert")).toEqual([
      { event: "patient", result: "caught ERR_WATCHDOG_TIMEOUT" },
      { event: "raising", result: "rejected ERR_WATCHDOG_TIMEOUT" },
    ]);
  });

  test("each of two parallel runs has its own timeout", async () => {
    const { events } = await scenario("two-runs");
    expect(events).toMatchObject([
      { event: "first", status: "rejected", message: expect.stringMatching(/^short was/) },
      { event: "second", status: "fulfilled", value: "well" },
    ]);
  });

  test("a Ctrl-C from the terminal ends synchronous code, then the listeners of SIGINT run", async () => {
    const { code, events } = await scenario("ctrl-c", "", { onReady: (pid) => process.kill(pid, "SIGINT") });
    expect(events).toEqual([
      { event: "ready" },
      { event: "caught", code: "ERR_WATCHDOG_INTERRUPTED" },
      { event: "SIGINT" },
      { event: "alive" },
    ]);
    expect(code).toBe(0);
  });
});
