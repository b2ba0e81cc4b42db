import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { loadConfig } from "../../src/config/index.js";
import { configure } from "../../src/configure.js";
import { check } from "../../src/heartbeat-file/readers.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import type { StateFileOptions } from "../../src/watchdog/state-file-options.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

vi.mock("../../src/heartbeat-file/readers.js", { spy: true });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "kstlib-python-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  vi.mocked(check).mockReset();
});

/** The keys of the two large examples of the Python original: a service, and the same in tmux. */
const RESILIENCE = `
resilience:
  heartbeat:
    interval: 5.0
    state_file: state/heartbeat.state.json
  watchdog:
    state_file: state/heartbeat.state.json
    cycle_interval: 10
    max_heartbeat_age: 30
`;
const SERVICE = `
include:
  - config/binance.yml
  - config/slack.sops.yml
${RESILIENCE}
websocket: { ping: { interval: 15, timeout: 10 }, reconnect: { delay: 0.5, max_attempts: 20 } }
logger: { preset: trace, icons: { show: false } }
`;
const IN_TMUX = `${SERVICE}
ops: { sessions: { resilience-tmux: { backend: tmux, command: "python main.py" } } }
`;

function load(text: string): ReturnType<typeof loadConfig> {
  mkdirSync(path.join(folder, "config"), { recursive: true });
  writeFileSync(path.join(folder, "config/binance.yml"), "binance: { stream: { symbol: btcusdt } }\n");
  // Encrypted values are texts; what is in it is another program's.
  writeFileSync(
    path.join(folder, "config/slack.sops.yml"),
    "credentials: { sops_hb: 'ENC[AES256_GCM,data:x]' }\nsops: { mac: 'ENC[x]', version: 3.8.1 }\n",
  );
  const file = path.join(folder, "kstlib.conf.yml");
  writeFileSync(file, text);
  return loadConfig({ path: file, env: {} });
}

/** Watches for a minute of a manual clock; what the checks were given, and when, in seconds. */
async function watched(file: string | undefined, options: StateFileOptions = {}) {
  const clock = new ManualClock();
  const looks: { file: string; at: number; maxAge: unknown }[] = [];
  vi.mocked(check).mockImplementation(async (at, { maxAge } = {}) => {
    looks.push({ file: String(at), at: clock.now() / 1000, maxAge });
    return { status: "alive", age: 1, state: null };
  });
  using _ = Watchdog.fromStateFile(file, { clock, ...options });
  await clock.advance(60);
  return looks;
}

describe("a configuration of the Python original", () => {
  test.each([
    ["of the service", SERVICE],
    ["of the service in tmux", IN_TMUX],
  ])("%s is accepted, and its heartbeat's watcher follows it", async (_, text) => {
    using _defaults = configure(load(text));
    const looks = await watched(undefined);
    expect(looks.map(({ at }) => at)).toEqual([0, 10, 20, 30, 40, 50, 60]);
    expect(looks[0]).toEqual({ file: path.resolve("state/heartbeat.state.json"), at: 0, maxAge: "30000ms" });
  });

  test("watches the heartbeat's own file by default", async () => {
    using _ = configure(load("resilience: { heartbeat: { state_file: ~/app.heartbeat } }"));
    const [first] = await watched(undefined);
    expect(first).toEqual({ file: path.join(homedir(), "app.heartbeat"), at: 0, maxAge: undefined });
  });

  test("has the same meaning with both names of an option, for all watchers and for one", async () => {
    const config = load(
      "resilience: { watchdog: { state_file: a, max_age: 1m, check_interval: 20, instances: { b: { state_file: b, cycle_interval: 30 } } } }",
    );
    using _ = configure(config);
    expect(await watched(undefined)).toMatchObject([
      { at: 0, maxAge: "60000ms" },
      { at: 20 },
      { at: 40 },
      { at: 60 },
    ]);
    const named = await watched(undefined, { name: "b" });
    expect(named).toMatchObject([
      { file: path.resolve("b"), at: 0, maxAge: "60000ms" },
      { at: 30 },
      { at: 60 },
    ]);
    const given = await watched("c", { name: "b", maxAge: 3, checkInterval: 50 });
    expect(given).toMatchObject([{ file: path.resolve("c"), at: 0, maxAge: "3000ms" }, { at: 50 }]);
  });

  test("does not affect a watchdog that is pinged, nor does that one's callbacks a watcher", async () => {
    let called = 0;
    using _ = configure({ watchdog: { stateFile: "a", checkInterval: 20, onTimeout: () => called++ } });
    const clock = new ManualClock();
    using pinged = new Watchdog({ clock, timeout: 30 });
    pinged.start();
    expect(clock.pendingTimers).toBe(1);
    vi.mocked(check).mockResolvedValue({ status: "stale", age: 60, state: null });
    using watcher = Watchdog.fromStateFile(undefined, { clock, onTimeout: () => {} });
    await clock.advance(1);
    expect([watcher.isTriggered, called]).toEqual([true, 0]);
  });

  test("without a file for a watcher is an error that says what to write", () => {
    expect(() => Watchdog.fromStateFile()).toThrow(
      /^file must be a path .*, or the configuration must have a state_file in the section watchdog or heartbeat; got neither\.$/,
    );
    expect(() => load("resilience: { watchdog: { cycle_interval: 0 } }")).toThrow(
      /watchdog\.cycle_interval must be/,
    );
    expect(() => load("resilience: { watchdog: { max_age: 3, max_heartbeat_age: 3 } }")).toThrow(
      /max_heartbeat_age and max_age are the same option/,
    );
  });

  test("detects the death of a real heartbeat from the same file", async () => {
    const stateFile = path.join(folder, "app.heartbeat");
    const text = `resilience: { heartbeat: { state_file: "${stateFile}", interval: 5 }, watchdog: { cycle_interval: 10, max_heartbeat_age: 30 } }`;
    using _ = configure(load(text));
    const clock = new ManualClock();
    const kinds: string[] = [];
    const heartbeat = new Heartbeat({ clock });
    heartbeat.start();
    using watcher = Watchdog.fromStateFile(undefined, { clock, onTimeout: ({ kind }) => kinds.push(kind) });
    await clock.advance(60);
    expect(kinds).toEqual([]);
    await heartbeat.stop();
    await clock.advance(10);
    expect(kinds).toEqual(["stopped"]);
    expect(watcher.file).toBe(stateFile);
  });
});
