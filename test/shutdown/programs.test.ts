import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { fork, type ForkOptions } from "./fork.js";

const TERM = { signals: [["ready", "SIGTERM"]] } as const satisfies ForkOptions;

/** Newer versions know only the flag without "experimental". */
const permission = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";

const isLinux = process.platform === "linux";
/** What makes a program process 1, as in a container. */
const FIRST = ["unshare", "--pid", "--fork", "--mount-proc"];
/** Whether this user may make a process namespace. */
const canBeFirst = isLinux && spawnSync("unshare", [...FIRST.slice(1), "true"]).status === 0;

const hasPython = spawnSync("python3", ["--version"]).status === 0;
const keyboard = fileURLToPath(new URL("../cli/supervise/keyboard.py", import.meta.url));

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && line !== "ready");
}

describe.skipIf(process.platform === "win32")("a program with a graceful shutdown", () => {
  test("runs its callbacks in order after SIGTERM and ends with 143", async () => {
    const { code, stdout } = await fork("ordered", TERM);
    expect(lines(stdout)).toEqual(["async SIGTERM", "plain", "sync", "last"]);
    expect(code).toBe(143);
  });

  test("ends with 130 after SIGINT", async () => {
    const { code, stdout } = await fork("ordered", { signals: [["ready", "SIGINT"]] });
    expect(lines(stdout)[0]).toBe("async SIGINT");
    expect(code).toBe(130);
  });

  test("ends with forceExitCode if a callback failed, after it has run the rest and reported the failure", async () => {
    const { code, stdout, stderr } = await fork("failing", TERM);
    expect(lines(stdout)).toEqual(["next"]);
    expect(stderr).toContain("shutdown callback broken: failed");
    expect(stderr).toContain("disk on fire");
    expect(code).toBe(75);
  });

  test("does not end early if a promise never settles and nothing else keeps the process alive", async () => {
    const { code, stdout } = await fork("hanging", TERM);
    expect(lines(stdout)).toEqual(["timed-out,skipped"]);
    expect(code).toBe(75);
  });

  test("ends at once on a second signal even if nothing else has happened since the grace", async () => {
    const { code, stderr } = await fork("quiet", TERM);
    expect(stderr).toBe("[shutdown] ended at once by a second signal, SIGINT; not done: quiet\n");
    expect(code).toBe(130);
  });

  test("ends at once on a second typed signal, with the code of that signal", async () => {
    const { code, stderr } = await fork("slow", { signals: [...TERM.signals, ["begun", "SIGINT"]] });
    expect(stderr).toBe("[shutdown] ended at once by a second signal, SIGINT; not done: slow\n");
    expect(code).toBe(130);
  });

  test("is not cut short by another SIGTERM, however late", async () => {
    const { code, stdout, stderr } = await fork("patient", {
      signals: [...TERM.signals, ["begun", "SIGTERM"]],
    });
    expect(lines(stdout)).toEqual(["begun", "again"]);
    expect(stderr).toBe("");
    expect(code).toBe(143);
  });

  test("reports the callbacks that an exit during its shutdown has cut short, from any code", async () => {
    const { code, stdout, stderr } = await fork("foreign", TERM);
    expect(lines(stdout)).toEqual([]);
    expect(stderr).toBe("[shutdown] exit with 5 in the middle of the shutdown; not done: leaving, last\n");
    expect(code).toBe(5);
  });

  test.each([
    ["ends", 143, ""],
    ["rejects", 143, "[shutdown] exit failed: Error: no telemetry"],
    ["hangs", 75, "[shutdown] exit did not finish within 500ms; exiting with 75."],
    ["hangs after a shutdown from code", 75, "exit did not finish within 500ms; exiting with 75."],
    ["blocked", 75, '"blocking" blocks the thread'],
  ])("ends with its own asynchronous exit, which %s", async (how, expected, said) => {
    const { code, stdout, stderr } = await fork("own-exit", { ...TERM, args: [how] });
    expect(lines(stdout)).toEqual([`flushing ${how === "blocked" ? 75 : 143}`]);
    expect(stderr).toContain(said);
    expect(code).toBe(expected);
  });

  test("gives each callback its turn, even if code that another has started throws", async () => {
    const { code, stdout, stderr } = await fork("detached", TERM);
    expect(lines(stdout)).toEqual([
      "aborted tick",
      "aborted timer",
      "aborted promise",
      "innocent tick",
      "failed,failed,failed,done",
    ]);
    expect(stderr).toContain("Uncaught Error: elsewhere");
    expect(code).toBe(1);
  });

  test("gives each of several shutdowns its own time", async () => {
    const { code, stdout, stderr } = await fork("unequal", TERM);
    expect(stderr).toBe("");
    expect(lines(stdout)).toEqual(["500ms", "20s"]);
    expect(code).toBe(143);
  });

  test.skipIf(!isLinux)(
    "has one more thread for 50 shutdowns, and no warning of too many listeners",
    async () => {
      const { code, stdout, stderr } = await fork("many", TERM);
      expect(stderr).toBe("");
      expect(lines(stdout)).toEqual(["threads 1"]);
      expect(code).toBe(143);
    },
  );

  test("is ended at the deadline even under --inspect without a client", async () => {
    const { code, stderr } = await fork("spinning", { ...TERM, flags: ["--inspect=0"] });
    expect(stderr).toContain('"database" blocks the thread');
    expect(code).toBe(75);
  });

  test("is not kept alive by an installed shutdown", async () => {
    const { code, stdout } = await fork("idle");
    expect(lines(stdout)).toEqual([]);
    expect(code).toBe(0);
  });

  test("runs the callbacks once after an uncaught exception and survives a second one until they are done", async () => {
    const { code, stdout, stderr } = await fork("uncaught");
    expect(lines(stdout)).toEqual(["hook 1 uncaughtException"]);
    expect(stderr).toContain("Uncaught Error: first");
    expect(stderr).toContain("Uncaught Error: second");
    expect(code).toBe(1);
  });

  test("shuts down after an error that cannot be printed", async () => {
    const { code, stdout, stderr } = await fork("unprintable");
    expect(lines(stdout)).toEqual(["uncaughtException"]);
    expect(stderr).toContain("Uncaught an object");
    expect(code).toBe(1);
  });

  test("shuts down after an unhandled rejection", async () => {
    const { code, stdout, stderr } = await fork("rejection");
    expect(lines(stdout)).toEqual(["unhandledRejection"]);
    expect(stderr).toContain("nobody cares");
    expect(code).toBe(1);
  });

  test.each([
    ["spinning", "database", "closeDatabase"],
    ["regexp", "parser", "catastrophe"],
  ])("is ended at the deadline when a callback blocks the thread: %s", async (scenario, name, where) => {
    const { code, stderr } = await fork(scenario, TERM);
    expect(stderr).toContain(`"${name}" blocks the thread`);
    expect(stderr).toMatch(new RegExp(`stuck at: .*${where}.*shutdown-program\\.mjs:\\d+`));
    // The application's frames alone.
    expect(stderr).not.toMatch(/stuck at: .*dist/);
    expect(code).toBe(75);
  });

  test("is ended at the deadline when a listener blocks the thread before the first callback", async () => {
    const { code, stderr } = await fork("blocked-begin", TERM);
    expect(stderr).toContain("is over and the thread is blocked before the first callback; exiting with 75.");
    expect(stderr).toMatch(/stuck at: at announce \(.*shutdown-program\.mjs:\d+:\d+\)\n/);
    expect(code).toBe(75);
  });

  test("reports no place in the code if no frame is the application's", async () => {
    const { code, stderr } = await fork("ticking", TERM);
    expect(stderr).not.toMatch(/stuck at: *\n/);
    expect(code).toBe(75);
  });

  test.skipIf(!isLinux).each(["native", "grandchildren"])(
    "is ended at the deadline when a callback waits in execSync: %s",
    async (scenario) => {
      const { code, stderr } = await fork(scenario, TERM);
      expect(stderr).toContain('"child" blocks the thread');
      expect(stderr).toContain("killing the child process");
      expect(code).toBe(75);
    },
  );

  test("is ended at the deadline when an exit listener blocks the thread", async () => {
    const { code, stderr } = await fork("stuck-exit", TERM);
    expect(stderr).toContain("the process does not end");
    expect(code).toBe(75);
  });

  test.each([
    ["throwing-exit", TERM, 143],
    ["throwing-exit-own", TERM, 143],
    ["throwing-exit-blocked", TERM, 75],
    ["throwing-exit-twice", { signals: [...TERM.signals, ["begun", "SIGINT"]] }, 130],
  ] as const)(
    "ends although an exit listener throws, and reports the error: %s",
    async (scenario, options, expected) => {
      const { code, stderr } = await fork(scenario, options);
      expect(stderr).toContain("thrown in exit");
      expect(code).toBe(expected);
    },
  );

  test("is ended at the deadline of a shutdown from code, too, when a callback blocks the thread", async () => {
    const { code } = await fork("blocked-trigger");
    expect(code).toBe(75);
  });

  test("continues after a shutdown from code, which leaves no thread, no timer and no storage behind", async () => {
    const { code, stdout } = await fork("triggered");
    expect(lines(stdout)).toEqual(["hook", "done true", "followed false"]);
    expect(code).toBe(0);
  });

  test("is kept alive by wait and ends by itself when signals do not end it", async () => {
    const { code, stdout } = await fork("waiting", TERM);
    expect(lines(stdout)).toEqual(["hook", "complete true"]);
    expect(code).toBe(7);
  });

  test("delivers output that a process manager writes to its own file before it ends", async () => {
    const file = path.join(os.tmpdir(), `redirected-${process.pid}.log`);
    onTestFinished(() => fs.rmSync(file));
    const { code } = await fork("redirected-output", { ...TERM, args: [file] });
    expect(fs.readFileSync(file, "utf8").endsWith("x\nthe last line\n")).toBe(true);
    expect(code).toBe(143);
  });

  test("delivers output to a pipe before it ends", async () => {
    const { code, stdout } = await fork("output", TERM);
    expect(stdout.length).toBe("ready\n".length + 4_000_000 + "end\n".length);
    expect(stdout.endsWith("xend\n")).toBe(true);
    expect(code).toBe(143);
  });

  test("leaves other listeners as they were after uninstall", async () => {
    const { code, stdout } = await fork("restored", TERM);
    expect(lines(stdout)).toEqual(["same true", "theirs"]);
    expect(code).toBe(0);
  });

  test("ends when all of several shutdowns are complete", async () => {
    const { code, stdout } = await fork("two", TERM);
    expect(lines(stdout)).toEqual(["two", "one"]);
    expect(code).toBe(143);
  });

  test("drains an HTTP server: finishes requests in flight, closes idle and silent connections, accepts no more", async () => {
    const { code, stdout } = await fork("http");
    expect(lines(stdout)).toEqual([
      "quick keep-alive",
      "silent closed",
      "ECONNREFUSED",
      "slow close",
      "database",
    ]);
    expect(code).toBe(143);
  });

  test("answers all requests of 100 clients on kept connections, and refuses only new connections", async () => {
    const { stdout } = await fork("clients", { fixture: "shutdown-clients.mjs" });
    expect(JSON.parse(stdout)).toEqual({ code: 143, outcomes: ["ECONNREFUSED", "whole"] });
  });

  test("is not disturbed by a closed stdout", async () => {
    const { code, stderr } = await fork("closed-output", { ...TERM, deaf: true });
    expect(stderr).toContain("logs done");
    expect(code).toBe(143);
  });

  test("is not disturbed by a closed stdout in a shutdown from code, which leaves no listener behind", async () => {
    const { code, stderr } = await fork("closed-output-trigger", { deaf: true });
    expect(stderr).toBe("ok true listeners 0\n");
    expect(code).toBe(0);
  });

  test.each([
    [permission, "--allow-fs-read=*", "--allow-worker"],
    [permission, "--allow-fs-read=*"],
  ])("shuts down under the permission model: %s %s %s", async (...flags) => {
    const { code, stdout } = await fork("ordered", { ...TERM, flags: flags.filter(Boolean) });
    expect(lines(stdout)).toEqual(["async SIGTERM", "plain", "sync", "last"]);
    expect(code).toBe(143);
  });

  test.each([
    [[permission, "--allow-fs-read=*"], 1],
    [[permission, "--allow-fs-read=*", "--allow-worker"], 0],
    [["--disallow-code-generation-from-strings"], 0],
  ])(
    "reports at installation, not at its beginning, that no thread can be started: %s",
    async (flags, times) => {
      // Installed only; no signal comes.
      const { code, stderr } = await fork("idle", { flags });
      expect(stderr.match(/KSTLIB_NO_DEADLINE_THREAD\b.*--allow-worker allows them/g) ?? []).toHaveLength(
        times,
      );
      expect(code).toBe(0);
      const after = await fork("ordered", { ...TERM, flags });
      expect(after.stderr.match(/KSTLIB_NO_DEADLINE_THREAD/g) ?? []).toHaveLength(times);
    },
  );

  test("is ended at the deadline even if code generation from strings is disallowed", async () => {
    const flags = ["--disallow-code-generation-from-strings"];
    const { code, stderr } = await fork("spinning", { ...TERM, flags });
    expect(stderr).toMatch(/stuck at: .*closeDatabase/);
    expect(code).toBe(75);
  });

  test("is killed at the deadline if the permission model forbids interrupting the thread", async () => {
    const flags = [permission, "--allow-fs-read=*", "--allow-worker"];
    const { code, stderr } = await fork("spinning", { ...TERM, flags });
    expect(stderr).toContain("the permission model forbids the inspector; killing the process.");
    expect(code).toBeNull();
  });

  test.skipIf(!isLinux)("leaves standard descriptors alone that were not terminals", async () => {
    const { stdout, code } = await fork("standard-input", TERM);
    expect(stdout).toContain("stdin as before");
    expect(code).toBe(143);
  });

  test.skipIf(!isLinux || !hasPython)("ends as it should when its terminal is closed", async () => {
    const { code } = await fork("hangup", { through: ["python3", keyboard, '[["ready", null]]'] });
    expect(code).toBe(129);
  });

  describe.skipIf(!isLinux)("whose callback waits outside of JavaScript, but not for a child process", () => {
    const remove = (stderr: string): void => {
      const [, folder = ""] = /made (.*)\/fifo/.exec(stderr) ?? [];
      fs.rmSync(folder, { recursive: true });
    };

    test("is killed at the deadline", async () => {
      const { code, stdout, stderr } = await fork("fifo", TERM);
      remove(stderr);
      expect(stderr).toContain(
        "the thread is outside of JavaScript and cannot be interrupted; killing the process.",
      );
      expect(lines(stdout)).toEqual([]);
      expect(code).toBeNull();
    });

    test.skipIf(!canBeFirst)("is ended at the deadline even if the kernel drops its SIGKILL", async () => {
      const { signal, stderr } = await fork("fifo", { ...TERM, through: FIRST });
      remove(stderr);
      expect(stderr).toContain("killing the process.");
      expect(signal).toBe("SIGTRAP");
    });
  });

  describe.skipIf(!canBeFirst)("as process 1 of a container", () => {
    test("ends with 143 after SIGTERM", async () => {
      const { code, stdout } = await fork("ordered", { ...TERM, through: FIRST });
      expect(lines(stdout)).toEqual(["async SIGTERM", "plain", "sync", "last"]);
      expect(code).toBe(143);
    });

    test("ends at once on a second signal", async () => {
      const signals = [...TERM.signals, ["begun", "SIGINT"]] as const;
      const { code } = await fork("slow", { signals, through: FIRST });
      expect(code).toBe(130);
    });

    test("is ended at the deadline when a callback blocks the thread", async () => {
      const { code, stderr } = await fork("spinning", { ...TERM, through: FIRST });
      expect(stderr).toContain('"database" blocks the thread');
      expect(code).toBe(75);
    });

    test("is ended at the deadline if the permission model forbids interrupting the thread", async () => {
      const flags = [permission, "--allow-fs-read=*", "--allow-worker"];
      const { signal, stderr } = await fork("spinning", { ...TERM, flags, through: FIRST });
      expect(stderr).toContain("the permission model forbids the inspector; killing the process.");
      expect(signal).toBe("SIGTRAP");
    });
  });

  describe("that is told to end while it starts", () => {
    const start = (scenario: string, ...flags: string[]) =>
      fork(scenario, { fixture: "shutdown-startup.mjs", args: flags });
    const opened = ["one connecting", "one registered"];

    test("finishes a start-up that does not wait, and runs all registered callbacks", async () => {
      const { code, stdout } = await start("synchronous");
      expect(lines(stdout)).toEqual(["started", "begin SIGTERM", "late closed"]);
      expect(code).toBe(143);
    });

    test.each([
      ["connecting", ["two connecting"]],
      ["aborted", ["two connecting"]],
      ["reason", []],
      ["never", []],
    ])(
      "runs the callbacks registered so far, and is not cut short by later ones: %s",
      async (scenario, more) => {
        for (const flags of [[], ["handled"]]) {
          const { code, stdout, stderr } = await start(scenario, ...flags);
          expect(lines(stdout)).toEqual([...opened, ...more, "begin SIGTERM", "one closed"]);
          expect(stderr).toBe("");
          expect(code).toBe(143);
        }
      },
    );

    test("ends as without a shutdown after an unrelated error", async () => {
      const alone = await start("broken");
      expect(lines(alone.stdout)).toEqual([...opened, "begin SIGTERM"]);
      expect(alone.stderr).toMatch(/Error: bad configuration\n.*shutdown-startup\.mjs/);
      expect(alone.code).toBe(1);
      const handled = await start("broken", "handled");
      expect(lines(handled.stdout)).toEqual([...opened, "begin SIGTERM", "one closed"]);
      expect(handled.code).toBe(1);
      const theirs = await start("theirs");
      expect(lines(theirs.stdout)).toEqual([
        ...opened,
        "begin SIGTERM",
        "theirs bad configuration",
        "one closed",
      ]);
      expect(theirs.code).toBe(143);
    });

    test("ends although nothing is registered", async () => {
      const { code, stdout } = await start("empty");
      expect(lines(stdout)).toEqual(["begin SIGTERM"]);
      expect(code).toBe(143);
    });
  });
});
