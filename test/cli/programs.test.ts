import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { RedisHeartbeatSink } from "../../src/redis/index.js";
import { hasRedis, type Server, startServer } from "../redis/servers/servers.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const main = path.join(root, "dist/cli/main.js");
const isWindows = process.platform === "win32";

let folder: string;
let heartbeats: readonly Heartbeat[];
let redis: Server | undefined;
let closeRedis = (): void => {};

/** A server with the instance that the examples name, and a client for it in the project of the folder. */
async function startRedis(): Promise<Heartbeat> {
  redis = await startServer();
  const client = createClient({ url: redis.url });
  await client.connect();
  closeRedis = () => client.destroy();
  const modules = path.join(folder, "node_modules");
  fs.mkdirSync(modules);
  fs.symlinkSync(path.join(root, "node_modules/redis"), path.join(modules, "redis"), "junction");
  const sink = new RedisHeartbeatSink({ client, service: "orders", instance: "web-1:4711" });
  return new Heartbeat({ sinks: [sink], interval: 10 });
}

beforeAll(async () => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "kstlib-bin-")));
  // A bin as an installation makes it: a link to the program.
  fs.mkdirSync(path.join(folder, "bin"));
  if (!isWindows) fs.symlinkSync(main, path.join(folder, "bin", "kstlib-resilience"));
  const files = ["state/app.heartbeat", "other/worker.heartbeat"].map((file) => path.join(folder, file));
  heartbeats = files.map((stateFile) => new Heartbeat({ stateFile, interval: 10 }));
  if (hasRedis) heartbeats = [...heartbeats, await startRedis()];
  for (const heartbeat of heartbeats) heartbeat.start();
  await Promise.all(heartbeats.map((heartbeat) => heartbeat.beat()));
});
afterAll(async () => {
  await Promise.all(heartbeats.map((heartbeat) => heartbeat.stop()));
  closeRedis();
  await redis?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; one SIGINT goes to it as soon as it has printed `until`. A second would kill it. */
function run(program: string, args: readonly string[], until?: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const { NO_COLOR: _no, FORCE_COLOR: _force, KSTLIB_CONFIG: _config, ...rest } = process.env;
    const env = {
      ...rest,
      HOME: folder,
      PATH: [path.join(folder, "bin"), path.dirname(process.execPath), rest["PATH"]].join(path.delimiter),
    };
    const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    let awaited = until;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (awaited === undefined || !stdout.includes(awaited)) return;
      awaited = undefined;
      child.kill("SIGINT");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

const cli = (...args: string[]): Promise<Outcome> => run(process.execPath, [main, ...args]);

describe("the program", () => {
  test("answers with its exit code, and without colours if there is no terminal", async () => {
    const alive = await cli("check", "state/app.heartbeat");
    expect(alive).toMatchObject({ code: 0, stderr: "" });
    expect(alive.stdout).toMatch(
      /^alive: state\/app\.heartbeat: last beat .+ ago, up to 30s is allowed; pid \d+ on .+\n$/,
    );
    expect(await cli("check", "state/none.heartbeat")).toEqual({
      code: 1,
      stdout: "unknown: state/none.heartbeat: no such file\n",
      stderr: "",
    });
    expect(await cli("check")).toMatchObject({ code: 2, stdout: "" });
    const table = await cli("status", "state", "other");
    expect(table).toMatchObject({ code: 0, stderr: "" });
    expect(table.stdout).toMatch(/^NAME[^]*app +ALIVE[^]*worker +ALIVE[^]*2 alive\n$/);
    expect(table.stdout).not.toContain("\u001B");
    expect(await cli("nonsense")).toMatchObject({ code: 2, stdout: "" });
  });

  test("loads for a check neither YAML nor a schema library, nor any other command", () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const [, name = ""] of fs
        .readFileSync(file, "utf8")
        .matchAll(/^(?:import|\} from)\b.*?"([^"]+)";$/gm)) {
        expect(name).toMatch(/^\.|^node:/);
        if (name.startsWith(".")) visit(path.resolve(path.dirname(file), name));
      }
    };
    visit(main);
    expect(seen.size).toBe(1);
    const text = [...seen].map((file) => fs.readFileSync(file, "utf8")).join("");
    expect(text).toContain("kstlib-resilience check");
    expect(text).not.toContain("Usage: kstlib-resilience status");
  });

  test.skipIf(isWindows)("is silent when its reader closes the pipe early", async () => {
    for (const command of [
      "kstlib-resilience config schema | head -c 10",
      "kstlib-resilience status state --watch --interval 50ms | head -n 1",
      "kstlib-resilience status state --watch --interval 50ms --json | head -n 1",
    ]) {
      const { code, stderr } = await run("/bin/sh", ["-c", command]);
      expect(stderr, command).toBe("");
      expect(code, command).toBe(0);
    }
  });

  test.skipIf(!fs.existsSync("/dev/full"))("reports that its output was lost", async () => {
    const { code, stderr } = await run("/bin/sh", ["-c", "kstlib-resilience config schema > /dev/full"]);
    expect(stderr).toContain("cannot write to stdout: ENOSPC");
    expect(code).toBe(2);
  });

  test.skipIf(isWindows)("ends a watch in an orderly way at SIGINT", async () => {
    const { code, stdout, stderr } = await run(
      process.execPath,
      [main, "status", "state", "--watch", "--interval", "50ms"],
      "1 alive",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("ALIVE");
  });

  test.skipIf(isWindows)("is ended by a signal that it does not handle, like any program", async () => {
    const child = spawn(process.execPath, [main, "config", "show"], { cwd: folder });
    child.kill("SIGTERM");
    const signal = await new Promise((resolve) => child.on("close", (_code, name) => resolve(name)));
    expect(signal).toBe("SIGTERM");
  });
});

const loaded = await Promise.all(commands.map(({ load }) => load()));

/** The command lines under `Examples:` of every help, and those of the documentation. */
const examples = [
  ...loaded.flatMap(({ name, help }) =>
    (help.split("Examples:\n")[1] ?? "")
      .split("\n")
      .filter((line) => line.startsWith("  "))
      .map((line) => ({ from: `${name} --help`, line: line.trim() })),
  ),
  ...[...fs.readFileSync(path.join(root, "docs/cli.md"), "utf8").matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(
    ([, block = ""]) =>
      block
        .trimEnd()
        .split("\n")
        .map((line) => ({ from: "docs/cli.md", line })),
  ),
].filter(({ line }) => !/kstlib-resilience supervise/.test(line));

describe.skipIf(isWindows)("the examples", () => {
  test("are found", () => {
    expect(examples.length).toBeGreaterThan(20);
  });

  const tryOut = (line: string): Promise<Outcome> => {
    // Each of them stands for itself.
    for (const name of fs.readdirSync(folder)) {
      if (name.endsWith(".yml") || name.endsWith(".json")) fs.rmSync(path.join(folder, name));
    }
    if (!/config init(?! .*--force)/.test(line))
      fs.writeFileSync(path.join(folder, "kstlib.conf.yml"), "resilience: {}\n");
    const watches = line.includes("--watch");
    return watches ? run("/bin/sh", ["-c", `exec ${line}`], "alive") : run("/bin/sh", ["-c", line]);
  };
  const well = { code: 0, stderr: "" };
  const needsRedis = ({ line }: { readonly line: string }): boolean => line.includes("redis://");

  test.each(examples.filter((example) => !needsRedis(example)))("of $from: $line", async ({ line }) => {
    expect(await tryOut(line)).toMatchObject(well);
  });

  test.skipIf(!hasRedis).each(examples.filter(needsRedis))("of $from: $line", async ({ line }) => {
    expect(await tryOut(line.replace(/redis:\/\/\w+/, redis?.url ?? ""))).toMatchObject(well);
  });
});

const tmux = process.env["TMUX_PATH"] ?? "tmux";
const hasTmux = spawnSync(tmux, ["-V"]).status === 0;

describe.skipIf(isWindows || !hasTmux)("in a terminal", () => {
  test("a watch draws in place, follows the size of the window, and restores the terminal at Ctrl-C", async () => {
    const socket = path.join(folder, "tmux.sock");
    const { TMUX: _outer, NO_COLOR: _no, ...env } = process.env;
    const talk = (...args: string[]): string =>
      spawnSync(tmux, ["-S", socket, ...args], { env, encoding: "utf8" }).stdout;
    const screen = (): string => talk("capture-pane", "-p", "-t", "w");
    const flags = (): string =>
      talk("display-message", "-p", "-t", "w", "#{alternate_on} #{cursor_flag}").trim();
    const until = async (what: () => boolean): Promise<void> => {
      await expect.poll(what).toBe(true);
    };
    fs.mkdirSync(path.join(folder, "broken"), { recursive: true });
    fs.writeFileSync(path.join(folder, "broken", "third.heartbeat"), "{");
    const command = `'${process.execPath}' '${main}' status state other broken --watch --interval 100ms; echo "code $?"; cat`;
    talk(
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-x",
      "80",
      "-y",
      "24",
      "-s",
      "w",
      "-c",
      folder,
      `echo before; ${command}`,
    );
    try {
      await until(() => screen().includes("2 alive"));
      expect(screen()).not.toContain("before");
      expect(screen().split("\n")[0]).toMatch(/^\d\d:\d\d:\d\d, every 0\.1s, Ctrl-C to quit$/);
      expect(screen().match(/NAME/g)).toHaveLength(1);
      expect(flags()).toBe("1 0");
      talk("resize-window", "-t", "w", "-x", "60", "-y", "7");
      await until(() => screen().includes("… and 2 more"));
      talk("send-keys", "-t", "w", "C-c");
      await until(() => screen().includes("code 1"));
      expect(flags()).toBe("0 1");
    } finally {
      talk("kill-server");
    }
  });
});
