import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { displayWidth } from "../../src/cli/plain-text.js";
import { FakeTerminal } from "./fake-terminal.js";

// Its file names have no escape in them, and a link wants a privilege.
const isWindows = process.platform === "win32";

/** The names in a table. */
function namesIn(text: string): readonly string[] {
  const [header = "", ...lines] = text.split("\n");
  expect(header).toMatch(/^NAME +STATUS +AGE +PID +HOST +METADATA$/);
  return lines.slice(0, lines.indexOf("")).map((line) => line.split("  ")[0] ?? "");
}

async function status(terminal: FakeTerminal, ...args: string[]): Promise<[number, string]> {
  terminal.stdout.text = "";
  const code = await terminal.run("status", ...args);
  return [code, terminal.stdout.text];
}

describe("status", () => {
  test("shows one line for each heartbeat and counts them", async () => {
    const terminal = new FakeTerminal();
    terminal.beat("state/api.heartbeat", 2, { metadata: { version: "1.2", jobs: 3 } });
    terminal.beat("state/worker.heartbeat", 200);
    terminal.beat("state/mail.heartbeat", 1, { status: "stopped" });
    expect(await status(terminal, "state")).toEqual([
      1,
      [
        "NAME    STATUS     AGE   PID  HOST            METADATA",
        "api     ALIVE       2s  4242  elsewhere.test  version=1.2 jobs=3",
        "mail    STOPPED     1s  4242  elsewhere.test",
        "worker  STALE    3m20s  4242  elsewhere.test  over 30s",
        "",
        "1 alive, 1 stale, 1 stopped",
        "",
      ].join("\n"),
    ]);
  });

  test("ends with 0 only when all are alive, and 2 when there is no file at all", async () => {
    const terminal = new FakeTerminal();
    terminal.beat("a.heartbeat");
    terminal.beat("b.heartbeat", 1, { status: "draining" });
    terminal.beat("c.heartbeat", 1, { status: "starting" });
    expect(await status(terminal, "a.heartbeat", "b.heartbeat", "c.heartbeat")).toEqual([
      0,
      expect.stringContaining("draining"),
    ]);
    expect((await status(terminal, "a.heartbeat", "none.heartbeat"))[0]).toBe(1);
    expect((await status(terminal, "a.heartbeat", "*.nothing"))[0]).toBe(1);
    expect((await status(terminal, "a.heartbeat", "--max-age", "1ms"))[0]).toBe(0);
    await terminal.clock.advance(1);
    expect((await status(terminal, "a.heartbeat", "--max-age", "500ms"))[0]).toBe(1);
    expect(terminal.stderr.text).toBe("");
    for (const target of ["none.heartbeat", "*.nothing", "missing/folder", "**/x"]) {
      terminal.stderr.text = "";
      expect(await status(terminal, target)).toEqual([2, ""]);
      expect(terminal.stderr.text).toBe(`kstlib-resilience status: no heartbeat found in ${target}\n`);
    }
  });

  test.skipIf(isWindows)("shows a hostile file as unknown with its reason, and all the others", async () => {
    const terminal = new FakeTerminal({ columns: 100 });
    terminal.env["NO_COLOR"] = "1";
    terminal.beat("state/good.heartbeat", 2, { metadata: { version: "1.2" } });
    const deep = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    const hostile = (name: string, field: string, value: string): void => {
      const file = terminal.beat(name, 1, { [field]: "HERE" });
      fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace('"HERE"', value));
    };
    hostile("state/deep.heartbeat", "metadata", `{"a":${deep(5000)}}`);
    hostile("state/deeper.heartbeat", "metadata", `{"a":${deep(100_000)}}`);
    hostile("state/large.heartbeat", "metadata", `{"a":"${"x".repeat(2 ** 20)}"}`);
    hostile("state/number.heartbeat", "metadata", '{"a":1e999,"__proto__":{"a":1},"b":"\\ud800\\u001b[2J"}');
    hostile("state/pid.heartbeat", "pid", "1e999");
    hostile("state/host.heartbeat", "hostname", deep(5000));
    terminal.write("state/brackets.heartbeat", "[".repeat(10_000));
    terminal.write("state/bytes.heartbeat", "\0\u{FFFD}\u001B[2J");
    fs.mkdirSync(path.join(terminal.cwd, "state/folder.heartbeat"));
    execFileSync("mkfifo", [path.join(terminal.cwd, "state/fifo.heartbeat")]);
    fs.symlinkSync("loop.heartbeat", path.join(terminal.cwd, "state/loop.heartbeat"));
    fs.symlinkSync("/dev/zero", path.join(terminal.cwd, "state/zero.heartbeat"));
    const [code, text] = await status(terminal, "state");
    expect(code).toBe(1);
    expect(text).not.toMatch(/[^\P{C}\n]/u);
    const shown = new Map(text.split("\n").map((line) => [line.split(" ")[0] ?? "", line]));
    expect(shown.get("good")).toMatch(/ALIVE.*version=1\.2$/);
    expect(shown.get("number")).toMatch(/ALIVE.*b="\\+ud800/);
    for (const [name, reason] of [
      ["deep", "nested deeper than 100 levels"],
      ["deeper", "nested deeper than 100 levels"],
      ["large", "larger than 1 MiB"],
      ["pid", "not a heartbeat"],
      ["host", "not a heartbeat"],
      ["brackets", "not a heartbeat"],
      ["bytes", "not a heartbeat"],
      ["fifo", "not a file"],
      ["loop", "a circular link"],
      ["zero", "not a file"],
    ] as const) {
      expect(shown.get(name)).toMatch(new RegExp(`UNKNOWN .*${reason}$`));
    }
    const [, json] = await status(terminal, "state", "--json");
    expect(JSON.parse(json).heartbeats).toHaveLength(12);
    for (const name of ["deep", "deeper", "large", "loop", "fifo"]) {
      expect(await terminal.run("check", `state/${name}.heartbeat`), name).toBe(1);
      expect((await status(terminal, `state/${name}.heartbeat`))[0], name).toBe(1);
    }
    expect(terminal.stderr.text).toBe("");
  });

  test.skipIf(isWindows || process.getuid?.() !== 0)(
    "reports no permission if the user may not read a file or folder",
    async () => {
      const terminal = new FakeTerminal();
      for (const name of ["own", "closed"])
        fs.chmodSync(path.dirname(terminal.beat(`${name}/a.heartbeat`)), 0o755);
      fs.chmodSync(terminal.cwd, 0o755);
      fs.chmodSync(path.join(terminal.cwd, "own/a.heartbeat"), 0o600);
      fs.chmodSync(path.join(terminal.cwd, "closed"), 0o700);
      // Loads what another user may not be able to.
      await status(terminal, "own");
      await terminal.run("check", "own/a.heartbeat");
      const asNobody = async (...args: string[]): Promise<[number, string]> => {
        terminal.stdout.text = "";
        terminal.stderr.text = "";
        process.seteuid?.(65_534);
        try {
          const code = await terminal.run(...args);
          return [code, terminal.stdout.text + terminal.stderr.text];
        } finally {
          process.seteuid?.(0);
        }
      };
      for (const file of ["own/a.heartbeat", "closed/a.heartbeat"]) {
        expect(await asNobody("status", file)).toEqual([
          1,
          expect.stringMatching(/UNKNOWN .* no permission\n/),
        ]);
        expect(await asNobody("check", file)).toEqual([1, `unknown: ${file}: no permission\n`]);
      }
      expect(await asNobody("status", "own")).toEqual([
        1,
        expect.stringMatching(/UNKNOWN .* no permission\n/),
      ]);
      for (const target of ["closed", "closed/*"]) {
        const where = `${target} (no permission)\n`;
        expect(await asNobody("status", target)).toEqual([
          2,
          `kstlib-resilience status: no heartbeat found in ${where}`,
        ]);
        expect(await asNobody("status", "own", target)).toEqual([
          1,
          expect.stringContaining(`nothing found in ${where}`),
        ]);
      }
    },
  );

  test("shows a file that names no host", async () => {
    const terminal = new FakeTerminal();
    terminal.beat("a.heartbeat", 1, { hostname: undefined });
    expect((await status(terminal, "a.heartbeat"))[1]).toMatch(/a +ALIVE +1s +4242 +-\s*\n/);
    const [, json] = await status(terminal, "a.heartbeat", "--json");
    expect(JSON.parse(json).heartbeats[0].heartbeat.hostname).toBeNull();
    await terminal.run("check", "a.heartbeat");
    expect(terminal.stdout.text).toMatch(/; pid 4242\n$/);
  });

  test("reads files of a folder that are named or are heartbeats, and no subfolder", async () => {
    const terminal = new FakeTerminal();
    terminal.beat("state/api.heartbeat");
    terminal.beat("state/python.json");
    terminal.beat("state/plain");
    terminal.beat("state/.hidden.heartbeat");
    terminal.beat("state/below/other.heartbeat");
    terminal.write("state/broken.heartbeat", "{");
    terminal.write("state/settings.json", "{}");
    const [, text] = await status(terminal, "state");
    expect(namesIn(text)).toEqual(["api", "broken", "plain", "python"]);
    expect(text).toContain("not a heartbeat");
  });

  test("expands globs that the shell has not expanded", async () => {
    const terminal = new FakeTerminal();
    for (const name of [
      "a.heartbeat",
      "b1.heartbeat",
      "sub/b2.heartbeat",
      "sub/deep/c.heartbeat",
      ".x/d.heartbeat",
    ]) {
      terminal.beat(`state/${name}`);
    }
    const named = async (pattern: string): Promise<readonly string[]> =>
      namesIn((await status(terminal, pattern))[1]);
    expect(await named("state/*.heartbeat")).toEqual(["a", "b1"]);
    expect(await named("state/b?.heartbeat")).toEqual(["b1"]);
    expect(await named("state/**/*.heartbeat")).toEqual(["a", "b1", "b2", "c"]);
    expect(await named("**/b?.heartbeat")).toEqual(["b1", "b2"]);
    expect(await named("state/*/*.heartbeat")).toEqual(["b2"]);
    expect(await named("state/**")).toEqual(["a", "b1", "b2", "c"]);
    expect(await named("state/.x/*.heartbeat")).toEqual(["d"]);
    expect(await named("stat?/sub/deep/c.heartbeat")).toEqual(["c"]);
    expect(await named(path.join(terminal.cwd, "state", "*.heartbeat"))).toEqual(["a", "b1"]);
    expect(await named("./state/../state/a*")).toEqual(["a"]);
  });

  test("omits links to folders from a glob", async () => {
    const terminal = new FakeTerminal();
    terminal.beat("state/a.heartbeat");
    fs.symlinkSync("..", path.join(terminal.cwd, "state/up"));
    expect(namesIn((await status(terminal, "state/*"))[1])).toEqual(["a"]);
  });

  test("reads a file whose name looks like a glob", async () => {
    const terminal = new FakeTerminal();
    terminal.beat("odd[1].heartbeat");
    terminal.beat("odd1.heartbeat");
    expect(namesIn((await status(terminal, "odd[1].heartbeat"))[1])).toEqual(["odd[1]"]);
    expect(namesIn((await status(terminal, "odd[1].*"))[1])).toEqual(["odd[1]"]);
  });

  test.skipIf(isWindows)("follows no link in a circle", async () => {
    const terminal = new FakeTerminal();
    terminal.beat("state/a.heartbeat");
    fs.symlinkSync(terminal.cwd, path.join(terminal.cwd, "state", "loop"));
    expect(namesIn((await status(terminal, "**/*.heartbeat"))[1])).toEqual(["a"]);
  });

  test("shows each file once, and by its path if two have the same name", async () => {
    const terminal = new FakeTerminal();
    terminal.beat("one/app.heartbeat");
    terminal.beat("two/app.heartbeat");
    terminal.beat("two/api.heartbeat");
    const [, text] = await status(terminal, "one", "two", "two/api.heartbeat", "*/app.heartbeat");
    expect(namesIn(text)).toEqual([
      path.join("one", "app.heartbeat"),
      "api",
      path.join("two", "app.heartbeat"),
    ]);
  });

  test.skipIf(isWindows)(
    "fits its table into the terminal and escapes control sequences from a file",
    async () => {
      const terminal = new FakeTerminal({ columns: 60 });
      terminal.env["NO_COLOR"] = "1";
      terminal.beat("a.heartbeat", 1, {
        hostname: "a-very-long-host-name.example.com",
        metadata: { note: "\u001B[2J漢字漢字漢字".repeat(20), "\u009B": [1, { x: "\u202E" }] },
      });
      terminal.beat("evil\u001B[31m.heartbeat", 1);
      const [, text] = await status(terminal, ".");
      expect(text).not.toMatch(/[^\P{C}\n]/u);
      expect(text).toContain(String.raw`evil\x1b[31m`);
      const widths = text.split("\n").map(displayWidth);
      // One short of it where half a character of two columns would have come last.
      expect([59, 60]).toContain(Math.max(...widths));
    },
  );

  test("is not slowed down by metadata of a megabyte", async () => {
    const terminal = new FakeTerminal({ columns: 80 });
    const metadata = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [`key${index}`, "x".repeat(20)]),
    );
    terminal.beat("a.heartbeat", 1, { metadata: { ...metadata, long: "y".repeat(200_000) } });
    const [code, text] = await status(terminal, "a.heartbeat");
    expect(code).toBe(0);
    expect(text.length).toBeLessThan(1000);
  });

  test("has colours on a terminal, and none with NO_COLOR, on a dumb terminal, or in a pipe", async () => {
    const coloured = async (terminal: FakeTerminal): Promise<boolean> => {
      terminal.beat("a.heartbeat");
      return (await status(terminal, "a.heartbeat"))[1].includes("\u001B[");
    };
    expect(await coloured(new FakeTerminal({ columns: 80 }))).toBe(true);
    expect(await coloured(new FakeTerminal())).toBe(false);
    for (const [name, value] of [
      ["NO_COLOR", "1"],
      ["TERM", "dumb"],
    ] as const) {
      const terminal = new FakeTerminal({ columns: 80 });
      terminal.env[name] = value;
      expect(await coloured(terminal), name).toBe(false);
    }
    const unset = new FakeTerminal({ columns: 80 });
    unset.env["NO_COLOR"] = "";
    expect(await coloured(unset)).toBe(true);
  });

  test.each([
    [[], "status needs a heartbeat file, a folder, a glob or an address of Redis"],
    [["a", "--interval", "1"], "--interval needs --watch"],
    [["a", "--watch", "--interval", "0"], "--interval must be a duration above 0"],
    [["a", "--jsn"], "unknown option --jsn; did you mean --json?"],
  ])("refuses %j", async (args, message) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run("status", ...args)).toBe(2);
    expect(terminal.stderr.text).toContain(message);
  });
});

describe("status --json", () => {
  test("contains all that is known about each heartbeat", async () => {
    const terminal = new FakeTerminal();
    const file = terminal.beat("api.heartbeat", 40, {
      status: "draining",
      sequence: 7,
      started_at: "2024-12-31T23:00:00.000000+00:00",
      metadata: { note: "\u001B[2J" },
    });
    const missing = path.join(terminal.cwd, "none.heartbeat");
    const [code, text] = await status(terminal, "api.heartbeat", "none.heartbeat", "*.nothing", "--json");
    expect(code).toBe(1);
    expect(text).not.toContain("\u001B");
    expect(JSON.parse(text)).toEqual({
      checkedAt: "2025-01-01T00:00:00.000Z",
      allAlive: false,
      heartbeats: [
        {
          name: "api",
          file,
          status: "stale",
          reason: "over 30s",
          age: 40,
          maxAge: 30,
          heartbeat: {
            timestamp: "2024-12-31T23:59:20.000000+00:00",
            pid: 4242,
            hostname: "elsewhere.test",
            status: "draining",
            interval: 10,
            startedAt: "2024-12-31T23:00:00.000000+00:00",
            sequence: 7,
            metadata: { note: "\u001B[2J" },
          },
        },
        {
          name: "none",
          file: missing,
          status: "unknown",
          reason: "no such file",
          age: null,
          maxAge: 30,
          heartbeat: null,
        },
      ],
      nothingIn: ["*.nothing"],
    });
  });

  test("is an object even if nothing was found", async () => {
    const terminal = new FakeTerminal();
    const [code, text] = await status(terminal, "*.nothing", "--json");
    expect(code).toBe(2);
    expect(JSON.parse(text)).toMatchObject({ allAlive: false, heartbeats: [], nothingIn: ["*.nothing"] });
  });
});

describe("status --watch", () => {
  test("draws the same state again as soon as the window changes its size, until it ends", async () => {
    const terminal = new FakeTerminal({ columns: 80, rows: 10 });
    terminal.beat("a.heartbeat");
    const watching = terminal.run("status", "a.heartbeat", "--watch");
    await terminal.clock.advance(0.5);
    terminal.stdout.text = "";
    terminal.stdout.resize(20, 10);
    expect(terminal.stdout.text).toContain("ALIVE");
    expect(terminal.stdout.text).toContain("00:00:00, every 2s,…");
    terminal.interrupt();
    expect(await watching).toBe(0);
    terminal.stdout.text = "";
    terminal.stdout.resize(80, 10);
    expect(terminal.stdout.text).toBe("");
  });

  test("shows the counts on as many lines as a narrow terminal needs", async () => {
    const terminal = new FakeTerminal({ columns: 20 });
    terminal.env["NO_COLOR"] = "1";
    terminal.beat("a.heartbeat");
    terminal.beat("b.heartbeat", 1000);
    terminal.beat("c.heartbeat", 1, { status: "frozen" });
    expect((await status(terminal, "."))[1].trimEnd().split("\n").slice(-2)).toEqual([
      "1 alive, 1 frozen",
      "1 stale",
    ]);
  });

  test("checks again after each interval, and its exit code is that of the last check", async () => {
    const terminal = new FakeTerminal();
    terminal.beat("a.heartbeat");
    const watching = terminal.run("status", "a.heartbeat", "--watch", "--interval", "20");
    await terminal.clock.advance(0);
    expect(terminal.stdout.text.match(/ALIVE/g)).toHaveLength(1);
    await terminal.clock.advance(20);
    expect(terminal.stdout.text.match(/ALIVE/g)).toHaveLength(2);
    await terminal.clock.advance(20);
    expect(terminal.stdout.text).toContain("STALE");
    terminal.interrupt();
    expect(await watching).toBe(1);
    expect(terminal.clock.pendingTimers).toBe(0);
    // Not on a terminal: one block after the other, and nothing that moves a cursor.
    expect(terminal.stdout.text).not.toContain("\u001B");
    expect(terminal.stdout.text.match(/NAME/g)).toHaveLength(3);
  });

  test("shows a file that appears later, and one that disappears again", async () => {
    const terminal = new FakeTerminal();
    const watching = terminal.run("status", "*.heartbeat", "--watch", "--interval", "1");
    await terminal.clock.advance(0);
    expect(terminal.stdout.text).toContain("nothing found in *.heartbeat");
    const file = terminal.beat("a.heartbeat");
    await terminal.clock.advance(1);
    expect(terminal.stdout.text).toContain("ALIVE");
    terminal.stdout.text = "";
    fs.rmSync(file);
    await terminal.clock.advance(1);
    expect(terminal.stdout.text).toContain("nothing found");
    terminal.interrupt();
    expect(await watching).toBe(2);
  });

  test("with --json writes one object a line", async () => {
    const terminal = new FakeTerminal({ columns: 80 });
    terminal.beat("a.heartbeat");
    const watching = terminal.run("status", "a.heartbeat", "--watch", "--json");
    await terminal.clock.advance(4);
    terminal.interrupt();
    expect(await watching).toBe(0);
    const lines = terminal.stdout.text.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).heartbeats[0].age)).toEqual([0, 2, 4]);
  });

  test("draws in place on a terminal, and leaves the last table after restoring it", async () => {
    const terminal = new FakeTerminal({ columns: 80, rows: 24 });
    terminal.env["NO_COLOR"] = "1";
    terminal.beat("a.heartbeat");
    const watching = terminal.run("status", "a.heartbeat", "--watch");
    await terminal.clock.advance(2);
    const during = terminal.stdout.text;
    expect(during.startsWith("\u001B[?1049h\u001B[?25l\u001B[H")).toBe(true);
    expect(during.split("\u001B[H")).toHaveLength(3);
    expect(during).toContain("every 2s, Ctrl-C to quit");
    terminal.interrupt();
    expect(await watching).toBe(0);
    const after = terminal.stdout.text.slice(during.length);
    const leave = "\u001B[?25h\u001B[?1049l";
    expect(after.startsWith(leave)).toBe(true);
    expect(after.slice(leave.length)).toMatch(/^NAME .*\na  +ALIVE[^]*1 alive\n$/);
  });

  test("shows on a low terminal the heartbeats that are not alive, and never more lines than fit", async () => {
    const terminal = new FakeTerminal({ columns: 40, rows: 10 });
    terminal.env["NO_COLOR"] = "1";
    for (let index = 10; index < 30; index++) terminal.beat(`well${index}.heartbeat`);
    terminal.beat("zz-old.heartbeat", 1000);
    terminal.beat("zz-ice.heartbeat", 1, { status: "frozen" });
    terminal.beat("zz-end.heartbeat", 1, { status: "stopped" });
    const watching = terminal.run("status", ".", "--watch");
    await terminal.clock.advance(0);
    const [, picture = ""] = terminal.stdout.text.split("\u001B[H");
    const lines = stripVTControlCharacters(picture).split("\r\n");
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(40);
    expect(picture).toContain("FROZEN");
    expect(picture).toContain("… and 19 more");
    terminal.interrupt();
    expect(await watching).toBe(1);
  });
});
