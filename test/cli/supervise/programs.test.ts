import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { fixture, Supervised } from "./supervised.js";

const QUICK = ["--backoff", "20ms..100ms"];
/** Forty intervals: a busy machine must not make a program stale that beats. */
const PATIENT = ["--max-age", "2"];
/** Whether this user may make a process namespace. */
const canBeFirst = spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0;

// Finding processes that are left behind needs /proc.
describe.skipIf(process.platform !== "linux")("supervise", () => {
  afterEach(() => Supervised.end());

  /** Everything has come to its end with this code. */
  async function expectEnd(supervised: Supervised, code: number): Promise<void> {
    expect(await supervised.code).toBe(code);
    await expect.poll(() => supervised.processes()).toEqual([]);
    expect(supervised.lines.at(-1)).toMatchObject({ event: "ended", code });
  }

  test("kills a frozen program and starts it again", async () => {
    const it = new Supervised();
    it.scenario([...QUICK, "--heartbeat", "app.heartbeat", ...PATIENT, "--grace", "300ms"], "freezing");
    await it.until(() => it.stdout.includes("run 2"));
    expect(it.lines.map(({ event }) => event)).toEqual([
      "started",
      "stale",
      "killing",
      "exited",
      "restarting",
      "started",
    ]);
    // Judged by the file of the frozen run, it would have been stale long ago.
    const file = path.join(it.folder, "app.heartbeat");
    const { mtimeMs } = fs.statSync(file);
    await expect.poll(() => fs.statSync(file).mtimeMs - mtimeMs).toBeGreaterThan(3000);
    expect(it.events("stale")).toHaveLength(1);
    it.kill("SIGTERM");
    await expectEnd(it, 143);
  });

  test("restarts at once a program whose heartbeat says that it is frozen", async () => {
    const it = new Supervised();
    it.scenario([...QUICK, "--heartbeat", "app.heartbeat", "--max-age", "1h"], "says-frozen");
    await it.until(() => it.stdout.includes("run 2"));
    expect(it.lines.map(({ event }) => event)).toEqual([
      "started",
      "frozen",
      "exited",
      "restarting",
      "started",
    ]);
    it.kill("SIGTERM");
    await expectEnd(it, 143);
  });

  test("restarts at once a bot whose watchdog saw it freeze", async () => {
    const it = new Supervised();
    const options = ["--heartbeat", "app.heartbeat", "--max-age", "1h", "--grace", "2s"];
    it.scenario([...QUICK, ...options], "watched");
    await it.until(() => it.stdout.includes("run 2"));
    expect(it.lines.map(({ event }) => event)).toEqual([
      "started",
      "frozen",
      "killing",
      "exited",
      "restarting",
      "started",
    ]);
    expect(it.stderr).toContain("whileTrue");
    it.kill("SIGTERM");
    await expectEnd(it, 143);
  });

  test("restarts a bot that its watchdog has ended", async () => {
    const it = new Supervised();
    it.scenario([...QUICK, "--heartbeat", "app.heartbeat", "--max-age", "1h"], ["watched", "exit"]);
    await it.until(() => it.stdout.includes("run 2"));
    // Whether the supervisor has seen the file say `frozen` before that is a matter of luck.
    expect(it.events("exited")).toMatchObject([{ code: 70 }]);
    it.kill("SIGTERM");
    await expectEnd(it, 143);
  });

  test("restarts a program that never beats after --start-grace", async () => {
    const it = new Supervised();
    const options = ["--heartbeat", "app.heartbeat", "--max-age", "1h", "--start-grace", "700ms"];
    it.scenario([...QUICK, ...options], "plain");
    await it.until(() => it.events("started").length > 1);
    expect(it.events("stale")[0]).toMatchObject({ beaten: false });
    it.kill("SIGTERM");
    await expectEnd(it, 143);
  });

  test("finds the heartbeat of a program behind a shell, and ends both when it goes stale", async () => {
    const it = new Supervised();
    const options = ["--heartbeat", "app.heartbeat", ...PATIENT, "--grace", "200ms"];
    it.start(
      [...QUICK, ...options],
      ["sh", "-c", `"${process.execPath}" "${fixture}" freezing . ; echo over`],
    );
    await it.until(() => it.stdout.includes("run 2"));
    expect(it.events("stale")).toHaveLength(1);
    it.kill("SIGTERM");
    expect(await it.code).toBe(143);
    await expect.poll(() => it.processes()).toEqual([]);
  });

  test("accepts a file that a shell script touches as a heartbeat", async () => {
    const it = new Supervised();
    const script =
      "for i in 1 2 3 4 5 6 7 8 9 10; do touch beat; sleep 0.3; done; echo silent; exec sleep 60";
    it.start([...QUICK, "--heartbeat", "beat", "--max-age", "2"], ["sh", "-c", script]);
    await it.until(() => it.events("stale").length > 0);
    expect(it.stdout).toContain("silent");
    it.kill("SIGTERM");
    expect(await it.code).toBe(143);
  });

  test("ends a stopped process", async () => {
    const it = new Supervised();
    it.scenario([...QUICK, "--heartbeat", "app.heartbeat", "--max-age", "1"], "beating");
    await it.until(() => it.stdout.includes("ready"));
    process.kill(Number(it.events("started")[0]?.["pid"]), "SIGSTOP");
    await it.until(() => it.events("started").length > 1);
    // It was continued, so that SIGTERM reached it.
    expect(it.events("exited")[0]).toMatchObject({ signal: "SIGTERM" });
    it.kill("SIGTERM");
    await expectEnd(it, 143);
  });

  test("passes signals on, and ends with the program's own code when told to stop", async () => {
    const it = new Supervised().scenario(QUICK, "signals");
    await it.until(() => it.stdout.includes("ready"));
    for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const) {
      it.kill(signal);
      await it.until(() => it.stdout.includes(`got ${signal}`));
    }
    it.kill("SIGTERM");
    await expectEnd(it, 7);
    expect(it.stderr).not.toContain("Debugger");
  });

  test.each(["SIGTERM", "SIGINT", "SIGQUIT"] as const)("passes %s on once", async (signal) => {
    const it = new Supervised().scenario(QUICK, "signals");
    await it.until(() => it.stdout.includes("ready"));
    it.kill(signal);
    await expectEnd(it, 7);
    expect(it.stdout.split(`got ${signal}`)).toHaveLength(2);
  });

  test("kills a program that ignores SIGTERM after --grace", async () => {
    const it = new Supervised().scenario([...QUICK, "--grace", "300ms"], "deaf");
    await it.until(() => it.stdout.includes("ready"));
    it.kill("SIGTERM");
    await expectEnd(it, 137);
    expect(it.stdout).toContain("no");
    expect(it.events("killing")[0]).toMatchObject({ reason: "grace" });
  });

  test("kills at once on a second typed signal that is not a copy of the first", async () => {
    const it = new Supervised().scenario([...QUICK, "--grace", "1h"], "deaf");
    await it.until(() => it.stdout.includes("ready"));
    it.kill("SIGTERM");
    await it.until(() => it.stdout.includes("no"));
    await vi.waitUntil(
      () => {
        if (it.events("killing").length > 0) return true;
        it.kill("SIGINT");
        return false;
      },
      { timeout: 20_000, interval: 10 },
    );
    await expectEnd(it, 137);
    expect(it.events("killing")[0]).toMatchObject({ reason: "second-signal" });
  });

  test("ends at once when told to stop before a restart", async () => {
    const it = new Supervised().scenario(["--backoff", "1h"], ["codes", "9"]);
    await it.until(() => it.events("restarting").length > 0);
    it.kill("SIGTERM");
    await expectEnd(it, 9);
    expect(it.events("started")).toHaveLength(1);
  });

  test("gives up on a crash loop with 75", async () => {
    const it = new Supervised().scenario(
      [...QUICK, "--max-restarts", "2/10m"],
      ["codes", "1", "2", "3", "4"],
    );
    await expectEnd(it, 75);
    expect(it.events("exited").map(({ code }) => code)).toEqual([1, 2, 3]);
  });

  test("restarts only on failure with --restart on-failure", async () => {
    const it = new Supervised().scenario([...QUICK, "--restart", "on-failure"], ["codes", "1", "0"]);
    await expectEnd(it, 0);
    expect(it.events("exited").map(({ code }) => code)).toEqual([1, 0]);
  });

  test("ends processes that a program leaves behind before it starts the program again", async () => {
    const it = new Supervised().scenario(
      [...QUICK, "--grace", "500ms", "--max-restarts", "1/10m"],
      "leaving",
    );
    await expectEnd(it, 75);
    expect(it.events("leftovers").map(({ count }) => count)).toEqual([2, 2]);
  });

  test("leaves no grandchild when told to stop, not even one in its own session", async () => {
    const it = new Supervised().scenario([...QUICK, "--grace", "500ms"], ["leaving", "stay"]);
    await it.until(() => it.stdout.split("ready").length === 3);
    // Supervisor, guardian, program and its two.
    expect(it.processes()).toHaveLength(5);
    it.kill("SIGTERM");
    await expectEnd(it, 143);
  });

  test("leaves no program when it is itself killed by SIGKILL", async () => {
    const it = new Supervised();
    it.start(
      [...QUICK, "--grace", "1"],
      ["sh", "-c", `"${process.execPath}" "${fixture}" deaf . ; echo over`],
    );
    await it.until(() => it.stdout.includes("ready"));
    it.kill("SIGKILL");
    expect(await it.code).toBe(-9);
    await expect.poll(() => it.processes()).toEqual([]);
  });

  test.each([
    ["there is no such command", "there-is-no-such-command", 127],
    ["it cannot be run", "/etc/passwd", 126],
  ])("ends with the shell's code if %s", async (_what, command, code) => {
    const it = new Supervised().start(QUICK, [command]);
    await expectEnd(it, code);
    expect(it.events("start-failed")).toHaveLength(1);
  });

  test("reports a missing interpreter as such, not as a missing command", async () => {
    const it = new Supervised();
    const script = path.join(it.folder, "job");
    fs.writeFileSync(script, "#!/there/is/no/such/program\n", { mode: 0o755 });
    await expectEnd(it.start(QUICK, [script]), 127);
    expect(it.events("start-failed")[0]).toMatchObject({
      reason: "the file exists, but the interpreter or loader that it needs does not",
    });
  });

  test("treats a command that disappears later like a crash", async () => {
    const it = new Supervised();
    const script = path.join(it.folder, "job");
    fs.writeFileSync(script, '#!/bin/sh\nrm "$0"\nexit 1\n', { mode: 0o755 });
    await expectEnd(it.start([...QUICK, "--max-restarts", "2/10m"], [script]), 75);
    expect(it.events("start-failed")).toHaveLength(2);
  });

  test("runs a program in another language, with its arguments as they are", async () => {
    const it = new Supervised();
    it.start(
      ["--restart", "on-failure"],
      ["python3", "-c", "import sys; print(sys.argv[1:])", "a b", "--json", ""],
    );
    await expectEnd(it, 0);
    expect(it.stdout).toContain("['a b', '--json', '']");
  });

  test("leaves a program's output in blocking mode, which programs other than Node expect", async () => {
    const it = new Supervised();
    const program = "import os, sys; sys.stdin.read(); print([os.get_blocking(fd) for fd in (1, 2)])";
    // The input ends when the first line has been written for long.
    const slowly = ["sh", "-c", 'sleep 1 | "$@"', "-"];
    it.start(["--text", "--restart", "on-failure"], ["python3", "-c", program], slowly);
    expect(await it.code).toBe(0);
    expect(it.stderr).toContain("started");
    expect(it.stdout).toContain("[True, True]");
  });

  test("continues without a log that can no longer be written", async () => {
    const it = new Supervised();
    it.scenario([...QUICK, "--text", "--log", "logs"], ["codes", "1", "2"]);
    await it.until(() => it.stderr.includes("restarting"));
    fs.rmSync(path.join(it.folder, "logs"));
    fs.mkdirSync(path.join(it.folder, "logs"));
    await it.until(() => it.stdout.includes("ready"));
    it.kill("SIGTERM");
    expect(await it.code).toBe(143);
    expect(it.stderr.match(/supervise: --log: EISDIR/g)).toHaveLength(1);
  });

  test("keeps whole lines in a log that is full", async () => {
    const it = new Supervised();
    const options = [...QUICK, "--max-restarts", "3/10m", "--log", "it.log"];
    it.scenario(options, ["codes", "1", "1", "1", "1"], ["sh", "-c", 'ulimit -f 1; exec "$@"', "-"]);
    await expectEnd(it, 75);
    const log = fs.readFileSync(path.join(it.folder, "it.log"), "utf8");
    expect(log).toMatch(/\}\n$/);
    expect(it.stderr).not.toBe(log);
  });

  test("refuses a folder for a heartbeat, and starts nothing", async () => {
    const it = new Supervised().scenario(["--heartbeat", "."], "plain");
    expect(await it.code).toBe(2);
    expect(it.stderr).toContain(`--heartbeat: ${it.folder} is a folder`);
    expect(it.stdout).toBe("");
  });

  test("says in one line that its working directory is gone", async () => {
    const it = new Supervised();
    it.scenario([], "plain", ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "-"]);
    expect(await it.code).toBe(2);
    expect(it.stderr).toMatch(
      /^kstlib-resilience supervise: the working directory no longer exists.*\nTry: .*\n$/,
    );
  });

  test("refuses a log that cannot be written, and starts nothing", async () => {
    const it = new Supervised().scenario(["--log", "no/such/folder"], "plain");
    expect(await it.code).toBe(2);
    expect(it.stderr).toMatch(/--log: ENOENT.*no\/such\/folder/);
    expect(it.stdout).toBe("");
  });

  test("continues when its lines cannot be written", async () => {
    const it = new Supervised();
    it.scenario(QUICK, ["codes", "1", "2"], ["sh", "-c", 'exec "$@" 2>/dev/full', "-"]);
    await it.until(() => it.stdout.includes("ready"));
    it.kill("SIGTERM");
    expect(await it.code).toBe(143);
  });

  test("writes the same lines to a log", async () => {
    const it = new Supervised();
    it.scenario([...QUICK, "--log", "it.log"], ["codes", "1", "2"]);
    await it.until(() => it.stdout.includes("ready"));
    it.kill("SIGTERM");
    await expectEnd(it, 143);
    expect(fs.readFileSync(path.join(it.folder, "it.log"), "utf8")).toBe(it.stderr);
  });

  test.skipIf(!canBeFirst)("works as process 1: signals, restart, no orphan", async () => {
    const it = new Supervised();
    const inner = [process.execPath, fixture, "codes", ".", "1"];
    it.start(QUICK, inner, ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    await it.until(() => it.stdout.includes("ready"));
    // The first process of the namespace is the one that unshare has started.
    const [first] = fs.readFileSync(`/proc/${it.pid}/task/${it.pid}/children`, "utf8").split(" ");
    process.kill(Number(first), "SIGTERM");
    expect(await it.code).toBe(143);
    expect(it.events("exited").map(({ code, signal }) => code ?? signal)).toEqual([1, "SIGTERM"]);
  });
});
