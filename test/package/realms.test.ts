import { describe, expect, test } from "vitest";
import { Project } from "./project.js";

/**
 * What a program of another realm meets: `core` has what comes from where Node's own modules live, `here` is the
 * realm of the package. Run as it stands by a context of `node:vm`, and by Jest.
 */
const SCENARIOS = `
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const kstlib = require("@kstlib/resilience");
const { loadConfig, ConfigError } = require("@kstlib/resilience/config");
const { ManualClock } = require("@kstlib/resilience/testing");

module.exports = (core, folder) => ({
  "is another realm": () => {
    assert.equal(core.error instanceof Error, false);
    assert.equal(core.object({}) instanceof Object, false);
  },
  "a heartbeat creates a missing folder": async () => {
    const stateFile = path.join(folder, "state/of/app.heartbeat");
    const heartbeat = new kstlib.Heartbeat(core.object({ stateFile, metadata: core.object({ a: core.array([1]) }) }));
    await heartbeat.beat();
    assert.equal(kstlib.Heartbeat.readStateSync(stateFile).metadata.a[0], 1);
    await heartbeat.stop();
  },
  "a dead process reads dead": async () => {
    const { pid } = spawnSync(process.execPath, ["-e", "0"]);
    const file = path.join(folder, "dead.heartbeat");
    const state = { timestamp: new Date().toISOString(), pid, hostname: require("node:os").hostname(), metadata: {} };
    fs.writeFileSync(file, JSON.stringify(state));
    assert.equal((await kstlib.Heartbeat.check(file)).status, "dead");
    assert.equal(kstlib.Heartbeat.checkSync(file).status, "dead");
  },
  "a state file that cannot be written is a HeartbeatError with the system's words": async () => {
    fs.writeFileSync(path.join(folder, "no-folder"), "");
    const heartbeat = new kstlib.Heartbeat({ stateFile: path.join(folder, "no-folder/x"), onMissedBeat() {} });
    const error = await heartbeat.beat().catch((reason) => reason);
    assert(error instanceof kstlib.HeartbeatError && error instanceof Error);
    assert.match(error.message, /ENOTDIR|EEXIST/);
    assert.equal(error.cause instanceof Error, false);
  },
  "a URL is a path": async () => {
    const url = core.url("file://" + path.join(folder, "by-url.heartbeat"));
    const heartbeat = new kstlib.Heartbeat({ stateFile: url });
    await heartbeat.beat();
    assert(await kstlib.Heartbeat.isAlive(url));
    await heartbeat.stop();
  },
  "a breaker counts and excludes errors": async () => {
    const matches = (error) => error.code === "EXCLUDED";
    const options = { maxFailures: 2, excludedErrors: core.array([matches, kstlib.RateLimitExceededError]) };
    const breaker = new kstlib.CircuitBreaker(core.object(options));
    await assert.rejects(breaker.call(() => core.promise(Promise.reject(Object.assign(core.error, { code: "EXCLUDED" })))));
    assert.equal(breaker.stats.ignoredCalls, 1);
    core.error.code = "OTHER";
    for (let i = 0; i < 2; i++) await assert.rejects(breaker.call(() => core.promise(Promise.reject(core.error))));
    const refusal = await breaker.call(() => 1).catch((error) => error);
    assert(refusal instanceof kstlib.CircuitOpenError && refusal instanceof kstlib.ResilienceError);
    assert.equal(refusal.cause, core.error);
    assert.throws(() => new kstlib.CircuitBreaker().callSync(() => core.promise(Promise.resolve(1))), TypeError);
  },
  "a signal of a class of its own gives a wait up": async () => {
    const limiter = new kstlib.RateLimiter(core.object({ rate: 1, per: 1000 }));
    limiter.tryAcquire();
    const controller = core.controller();
    const waiting = limiter.acquire(core.object({ signal: controller.signal })).catch((reason) => reason);
    controller.abort("enough");
    assert.equal(await waiting, "enough");
    const never = new kstlib.CircuitBreaker().execute(() => new Promise(() => {}), { signal: core.abortedSignal("gone") });
    assert.equal(await never.catch((reason) => reason), "gone");
    const beat = new kstlib.Heartbeat({ drainOn: core.controller().signal });
    await beat.stop();
  },
  "a configuration made elsewhere is data": async () => {
    const config = core.object({ circuitBreaker: core.object({ resetTimeout: core.object({ initial: 1, factor: 2, max: 8 }),
      instances: core.object({ a: core.object({ maxFailures: 7 }) }) }) });
    const registry = new kstlib.Registry(config);
    config.circuitBreaker.resetTimeout.initial = 9;
    config.circuitBreaker.instances.a.maxFailures = 1;
    const breaker = registry.circuitBreaker("a");
    for (let i = 0; i < 6; i++) await breaker.call(() => { throw core.error; }).catch(() => {});
    assert.equal(breaker.state, "closed");
    await registry[Symbol.asyncDispose]();
  },
  "a configuration file is read, and its mistakes told": () => {
    const file = path.join(folder, "kstlib.conf.yml");
    fs.writeFileSync(file, "resilience: { circuit_breaker: { max_failures: 3 } }");
    assert.equal(loadConfig({ path: file }).circuitBreaker.maxFailures, 3);
    fs.writeFileSync(file, "resilience:\\n  circuit_breaker: { max_failures: -3 }\\n");
    assert.throws(() => loadConfig({ path: file }), (error) => error instanceof ConfigError && error.line === 2);
    assert.throws(() => loadConfig({ path: path.join(folder, "none.yml") }), /no such file/);
    assert.throws(() => loadConfig(core.object({ path: folder })), ConfigError);
  },
  "a shutdown tells what a callback failed with": async () => {
    const shutdown = new kstlib.GracefulShutdown(core.object({ signals: core.array(["SIGTERM"]) }));
    shutdown.register("files", () => fs.promises.readFile(path.join(folder, "none")));
    const health = new kstlib.Health(core.object({ drainOn: shutdown.signal }));
    health.addCheck("disk", () => fs.promises.readFile(path.join(folder, "none")));
    assert.match((await health.readiness()).checks[0].message, /ENOENT/);
    await shutdown.trigger();
    assert.match(shutdown.snapshot().results[0].error, /^ENOENT/);
  },
  "a watchdog runs and ends": async () => {
    const watchdog = new kstlib.Watchdog(core.object({ timeout: 60, heartbeat: undefined }));
    watchdog.start();
    watchdog.ping();
    assert.equal(watchdog.isRunning, true);
    watchdog.stop();
    await kstlib.watchdogContext({ timeout: 60, raiseOnTimeout: true }).run(async () => {});
  },
  "a manual clock moves time": async () => {
    const clock = new ManualClock();
    const limiter = new kstlib.RateLimiter({ rate: 1, clock });
    limiter.tryAcquire();
    const waiting = limiter.acquire();
    await clock.advance(1);
    await waiting;
  },
});
`;

/** What the realm of Node's own modules hands over. */
const CORE = `
class Signal extends EventTarget {
  aborted = false;
  reason = undefined;
  throwIfAborted() { if (this.aborted) throw this.reason; }
}
const controller = () => {
  const signal = new Signal();
  const abort = (reason) => {
    Object.assign(signal, { aborted: true, reason });
    signal.dispatchEvent(new Event("abort"));
  };
  return { signal, abort };
};
class Href {
  constructor(href) { this.href = href; }
}
const core = {
  error: new Error("from elsewhere"),
  object: (entries) => ({ ...entries }),
  array: (items) => [...items],
  promise: (promise) => new Promise((resolve, reject) => promise.then(resolve, reject)),
  url: (href) => new Href(href),
  controller,
  abortedSignal: (reason) => { const { signal, abort } = controller(); abort(reason); return signal; },
};
module.exports = core;
`;

/** Loads all modules but Node's own in a context of \`node:vm\`, as Jest does. */
const IN_A_CONTEXT = `
const fs = require("node:fs");
const { createRequire, isBuiltin } = require("node:module");
const path = require("node:path");
const vm = require("node:vm");
const core = require("./core.cjs");

const GLOBALS = ["process", "Buffer", "URL", "performance", "setTimeout", "clearTimeout", "setImmediate", "queueMicrotask",
  "AbortController", "AbortSignal", "TextDecoder", "TextEncoder", "Event", "EventTarget", "console", "structuredClone"];
const context = vm.createContext(Object.fromEntries(GLOBALS.map((name) => [name, globalThis[name]])));
// What Node itself requires may be an ES module, which a context does not take.
const root = path.join(__dirname, "node_modules/@kstlib/resilience");
const { name, exports: entries } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
function ours(wanted) {
  const entry = wanted.startsWith(name) ? entries["." + wanted.slice(name.length)] : undefined;
  return entry && path.join(root, entry.require.default);
}
const loaded = new Map();
function load(file) {
  if (file.endsWith(".json")) return JSON.parse(fs.readFileSync(file, "utf8"));
  if (loaded.has(file)) return loaded.get(file).exports;
  const module = { exports: {} };
  loaded.set(file, module);
  const parameters = ["exports", "require", "module", "__filename", "__dirname"];
  const run = vm.compileFunction(fs.readFileSync(file, "utf8"), parameters, { parsingContext: context, filename: file });
  const own = createRequire(file);
  const requireHere = (name) => (isBuiltin(name) ? require(name) : load(ours(name) ?? own.resolve(name)));
  run.call(module.exports, module.exports, requireHere, module, file, path.dirname(file));
  return module.exports;
}
async function main() {
  const folder = fs.mkdtempSync(path.join(__dirname, "run-"));
  process.chdir(folder);
  load(ours(name + "/auto"));
  const failed = [];
  for (const [title, run] of Object.entries(load(path.join(__dirname, "scenarios.cjs"))(core, folder))) {
    try {
      await run();
      console.log("ok", title);
    } catch (error) {
      failed.push(title);
      console.log("FAILED", title, error);
    }
  }
  console.log(failed.length === 0 ? "all well" : "failed: " + failed.join(", "));
}
main();
`;

const IN_JEST = `
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const scenarios = require("./scenarios.cjs");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "in-jest-"));
afterAll(() => fs.rmSync(folder, { recursive: true }));
for (const [title, run] of Object.entries(scenarios(globalThis.core, folder))) test(title, run);
test("an error of Node's core is not of this realm", () => {
  expect(() => fs.readFileSync("/none")).toThrow(/ENOENT/);
});
`;

const IN_JEST_AS_MODULE = `
import { createRequire } from "node:module";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { CircuitBreaker, CircuitOpenError, Heartbeat } from "@kstlib/resilience";
import { ConfigError, loadConfig } from "@kstlib/resilience/config";
import { ManualClock } from "@kstlib/resilience/testing";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "in-jest-"));
afterAll(() => fs.rmSync(folder, { recursive: true }));

test("a heartbeat creates a missing folder", async () => {
  const heartbeat = new Heartbeat({ stateFile: path.join(folder, "a/b.heartbeat"), metadata: globalThis.core.object({ a: 1 }) });
  await heartbeat.beat();
  expect(await Heartbeat.isAlive(path.join(folder, "a/b.heartbeat"))).toBe(true);
});
test("refusals and mistakes have the exported classes", async () => {
  const breaker = new CircuitBreaker({ maxFailures: 1, clock: new ManualClock() });
  await breaker.call(() => fs.promises.readFile(path.join(folder, "none"))).catch(() => {});
  await expect(breaker.call(() => 1)).rejects.toBeInstanceOf(CircuitOpenError);
  // The copy for CommonJS is another one of the same brand.
  const copy = createRequire(import.meta.url)("@kstlib/resilience");
  await expect(breaker.call(() => 1)).rejects.toBeInstanceOf(copy.CircuitOpenError);
  expect(() => loadConfig({ path: path.join(folder, "none.yml") })).toThrow(ConfigError);
});
`;

const ENVIRONMENT = `
const { TestEnvironment } = require("jest-environment-node");
module.exports = class extends TestEnvironment {
  async setup() {
    await super.setup();
    this.global.core = require("./core.cjs");
  }
};
`;

describe("where the package runs in another realm than Node's own modules", () => {
  test("everything holds in a context of node:vm", async () => {
    const project = new Project();
    project.write("scenarios.cjs", SCENARIOS);
    project.write("core.cjs", CORE);
    project.write("main.cjs", IN_A_CONTEXT);
    const printed = await project.run(process.execPath, ["main.cjs"]);
    expect(printed).toMatch(/all well\n$/);
  });

  test("everything holds in Jest, as CommonJS and as ES modules", async () => {
    const project = new Project().link("jest", "jest-environment-node");
    project.write("scenarios.cjs", SCENARIOS);
    project.write("core.cjs", CORE);
    project.write("environment.cjs", ENVIRONMENT);
    project.write("of-commonjs.test.cjs", IN_JEST);
    project.write("of-modules.test.mjs", IN_JEST_AS_MODULE);
    project.write("jest.config.json", {
      testEnvironment: "./environment.cjs",
      testMatch: ["**/*.test.cjs", "**/*.test.mjs"],
      moduleFileExtensions: ["js", "cjs", "mjs", "json"],
      transform: {},
      haste: { forceNodeFilesystemAPI: true },
      watchman: false,
    });
    const jest = project.bin("jest");
    const jestArguments = [
      "--experimental-vm-modules",
      "--no-warnings",
      jest,
      "--runInBand",
      "--ci",
      "--colors=false",
    ];
    const program = project.start(process.execPath, jestArguments);
    const code = await program.end();
    expect(program.printed).toMatch(/Tests: +15 passed, 15 total/);
    expect(code).toBe(0);
  });
});
