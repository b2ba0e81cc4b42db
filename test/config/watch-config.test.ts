import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  type ConfigChange,
  ConfigError,
  type ConfigWatcher,
  watchConfig,
  type WatchConfigOptions,
} from "../../src/config/index.js";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { configure } from "../../src/configure.js";
import { Health } from "../../src/health/health.js";
import { currentConfiguration } from "../../src/kernel/configured.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { AdaptiveLimiter } from "../../src/policies/adaptive-limiter/adaptive-limiter.js";
import { Retry } from "../../src/policies/retry/retry.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { Registry } from "../../src/registry.js";
import { resilient } from "../../src/resilient.js";
import { ManualClock } from "../../src/testing/index.js";

let folder: string;
let clock: ManualClock;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), "kstlib-watch-"));
  clock = new ManualClock();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => path.join(folder, name);

function write(name: string, text: string): string {
  fs.mkdirSync(path.dirname(at(name)), { recursive: true });
  fs.writeFileSync(at(name), text);
  return at(name);
}

/** A file with this in its section of rate limiters. */
const limiters = (options: string): string => `resilience: { rate_limiter: ${options} }\n`;

interface Watched {
  readonly watcher: ConfigWatcher;
  readonly changes: ConfigChange[];
  readonly errors: ConfigError[];
  /** Lets the files be looked at so often. */
  readonly looks: (times: number) => Promise<void>;
}

function watching(options: WatchConfigOptions = {}): Watched {
  const watcher = watchConfig({ path: at("kstlib.conf.yml"), cwd: folder, env: {}, clock, ...options });
  onTestFinished(() => watcher[Symbol.dispose]());
  const changes: ConfigChange[] = [];
  const errors: ConfigError[] = [];
  watcher.on("change", (change) => changes.push(change));
  watcher.on("error", (error) => errors.push(error));
  return { watcher, changes, errors, looks: (times) => clock.advance(times) };
}

describe("how a file is saved", () => {
  const SAVES: readonly (readonly [string, (text: string) => void])[] = [
    ["written in place", (text) => write("kstlib.conf.yml", text)],
    [
      "written beside it and renamed over it",
      (text) => fs.renameSync(write(".kstlib.conf.yml.swp", text), at("kstlib.conf.yml")),
    ],
    [
      "moved away as a backup and written anew",
      (text) => {
        fs.renameSync(at("kstlib.conf.yml"), at("kstlib.conf.yml~"));
        write("kstlib.conf.yml", text);
      },
    ],
    [
      "of the same length and with the same times",
      (text) => {
        const { atime, mtime } = fs.statSync(at("kstlib.conf.yml"));
        write("kstlib.conf.yml", text);
        fs.utimesSync(at("kstlib.conf.yml"), atime, mtime);
      },
    ],
  ];

  test.each(SAVES)("a file that is %s is applied at the second check", async (_, save) => {
    write("kstlib.conf.yml", limiters("{ rate: 10 }"));
    const { changes, errors, looks } = watching();
    const limiter = new RateLimiter({ clock });
    await looks(3);
    save(limiters("{ rate: 20 }"));
    await looks(1);
    expect([limiter.rate, changes.length]).toEqual([10, 0]);
    await looks(1);
    expect([limiter.rate, changes.length, errors.length]).toEqual([20, 1, 0]);
    expect(changes[0]?.components).toEqual([
      { kind: "rate-limiter", name: "rate-limiter", changed: ["rate"], ignored: [], overridden: [] },
    ]);
    expect(changes[0]?.config).toEqual({ rateLimiter: { rate: 20 } });
  });

  test("a change right after the start is found, before the first check", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 10 }"));
    const { changes, looks } = watching();
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    await looks(2);
    expect(changes).toHaveLength(1);
  });

  test("the symbolic links of a ConfigMap are followed as they are swapped", async () => {
    write("..2026_01/kstlib.conf.yml", limiters("{ rate: 10 }"));
    fs.symlinkSync("..2026_01", at("..data"));
    fs.symlinkSync("..data/kstlib.conf.yml", at("kstlib.conf.yml"));
    const { looks } = watching();
    const limiter = new RateLimiter({ clock });
    for (const [index, rate] of [20, 30].entries()) {
      write(`..2026_02_${index}/kstlib.conf.yml`, limiters(`{ rate: ${rate} }`));
      fs.symlinkSync(`..2026_02_${index}`, at("..data_tmp"));
      fs.renameSync(at("..data_tmp"), at("..data"));
      await looks(2);
      expect(limiter.rate).toBe(rate);
    }
  });

  test("a file that is still being written is neither applied nor reported", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 10 }"));
    const { changes, errors, looks } = watching();
    await looks(2);
    write("kstlib.conf.yml", "");
    await looks(1);
    fs.appendFileSync(at("kstlib.conf.yml"), "resilience:\n  rate_lim");
    await looks(1);
    fs.appendFileSync(at("kstlib.conf.yml"), "iter: { rate: 30 }\n");
    await looks(1);
    expect([changes.length, errors.length]).toEqual([0, 0]);
    await looks(1);
    expect([changes.length, errors.length]).toEqual([1, 0]);
  });

  test("a file that stays empty is an error and does not restore the defaults", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const { changes, errors, looks } = watching();
    const limiter = new RateLimiter({ clock });
    write("kstlib.conf.yml", "");
    await looks(3);
    expect([limiter.rate, changes.length]).toEqual([20, 0]);
    expect(errors.map(({ message }) => message)).toEqual([
      `${at("kstlib.conf.yml")}:1:1: the file is empty now; if that is meant, write resilience: {} into it`,
    ]);
    write("kstlib.conf.yml", "resilience: {}\n");
    await looks(2);
    expect([limiter.rate, changes.length]).toEqual([10, 1]);
  });

  test("an included file that stays empty is an error, and one that was empty before is not", async () => {
    write("kstlib.conf.yml", "include: [base.yml, local.yml]\n");
    write("base.yml", limiters("{ rate: 20 }"));
    write("local.yml", "# Nothing yet.\n");
    const { changes, errors, looks } = watching();
    await looks(4);
    expect([changes.length, errors.length]).toEqual([0, 0]);
    write("base.yml", "");
    await looks(2);
    expect([changes.length, errors.map(({ file }) => file)]).toEqual([0, [at("base.yml")]]);
    write("base.yml", "resilience: {}\n");
    write("local.yml", limiters("{ rate: 30 }"));
    await looks(2);
    expect(changes.map(({ config }) => config)).toEqual([{ rateLimiter: { rate: 30 } }]);
  });

  test("a file whose first key becomes misspelt is an error", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const { changes, errors, looks } = watching();
    write("kstlib.conf.yml", `other: 1\n${limiters("{ rate: 20 }").replace("resilience", "resiliance")}`);
    await looks(2);
    expect([changes.length, errors.map(({ message }) => message)]).toEqual([
      0,
      [`${at("kstlib.conf.yml")}:2:1: resiliance is not read; did you mean resilience?`],
    ]);
  });

  test("a file that is empty from the start is no error", async () => {
    write("kstlib.conf.yml", "");
    const { changes, errors, looks } = watching();
    await looks(4);
    write("kstlib.conf.yml", "# Soon.\n");
    await looks(4);
    expect([changes.length, errors.length]).toEqual([0, 0]);
  });

  test("a file that is deleted is an error, and a change when it exists again", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const { watcher, changes, errors, looks } = watching();
    await looks(2);
    fs.rmSync(at("kstlib.conf.yml"));
    await looks(4);
    expect([changes.length, errors.length]).toEqual([0, 1]);
    expect(watcher.error?.message).toContain("no such file");
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    await looks(2);
    expect([changes.length, errors.length, watcher.error]).toEqual([1, 1, undefined]);
    expect(changes[0]?.components).toEqual([]);
  });

  test("a file without a name that was found is not replaced by another when it is deleted", async () => {
    write(".config/kstlib/kstlib.conf.yml", limiters("{ rate: 30 }"));
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const { watcher, errors, looks } = watching({ path: undefined, env: { HOME: folder } });
    fs.rmSync(at("kstlib.conf.yml"));
    await looks(2);
    expect(errors).toHaveLength(1);
    expect(watcher.config).toEqual({ rateLimiter: { rate: 20 } });
  });

  test("where no file was found, the first that appears is used", async () => {
    const { watcher, changes, looks } = watching({ path: undefined, env: { HOME: folder } });
    expect([watcher.file, watcher.config]).toEqual([undefined, {}]);
    await looks(2);
    write(".config/kstlib/kstlib.conf.yml", limiters("{ rate: 30 }"));
    await looks(2);
    expect(watcher.file).toBe(at(".config/kstlib/kstlib.conf.yml"));
    expect(changes).toHaveLength(1);
  });

  test("a folder that does not exist yet is an error at the start, unless the file is optional", async () => {
    const named = at("mounted/later/kstlib.conf.yml");
    expect(() => watching({ path: named })).toThrow(ConfigError);
    expect(currentConfiguration()).toEqual({});
    const { watcher, changes, errors, looks } = watching({ path: named, optional: true });
    const limiter = new RateLimiter({ clock });
    await looks(3);
    expect([watcher.config, errors.length]).toEqual([{}, 0]);
    write("mounted/later/kstlib.conf.yml", limiters("{ rate: 40 }"));
    await looks(2);
    expect([limiter.rate, changes.length, errors.length]).toEqual([40, 1, 0]);
  });

  test("an optional file that is broken at the start is an error", () => {
    write("kstlib.conf.yml", "resilience: [");
    expect(() => watching({ optional: true })).toThrow(ConfigError);
  });
});

describe("what is wrong", () => {
  test("changes nothing and is reported once; correcting it is a change", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const { watcher, changes, errors, looks } = watching();
    const limiter = new RateLimiter({ clock });
    write("kstlib.conf.yml", limiters("{ rate: -1, burst: 5 }"));
    await looks(6);
    expect([limiter.rate, limiter.burst, changes.length]).toEqual([20, 20, 0]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(ConfigError);
    expect(errors[0]).toMatchObject({ line: 1, keyPath: "resilience.rate_limiter.rate" });
    expect(new RateLimiter({ clock }).rate).toBe(20);
    expect(watcher.snapshot()).toMatchObject({ isWatching: true, changes: 0, error: errors[0]?.message });
    write("kstlib.conf.yml", limiters("{ rate: 30, burst: 5 }"));
    await looks(2);
    expect([limiter.rate, limiter.burst]).toEqual([30, 5]);
    expect(watcher.snapshot()).toEqual({
      kind: "config",
      name: "config",
      isWatching: true,
      file: at("kstlib.conf.yml"),
      changes: 1,
      error: null,
    });
  });

  test("is a warning when there is no listener", async () => {
    write("kstlib.conf.yml", "resilience: {}\n");
    const emitWarning = vi.spyOn(process, "emitWarning").mockReturnValue();
    onTestFinished(() => emitWarning.mockRestore());
    using _watcher = watchConfig({ path: at("kstlib.conf.yml"), clock });
    write("kstlib.conf.yml", "resilience: [\n");
    await clock.advance(2);
    expect(emitWarning).toHaveBeenCalledOnce();
    expect(emitWarning.mock.calls[0]?.[1]).toMatchObject({ code: "KSTLIB_CONFIG_REFUSED" });
  });

  test("of an included file names that file; a missing one is an error until it exists", async () => {
    write("kstlib.conf.yml", "include: [base.yml]\n");
    write("base.yml", limiters("{ rate: 20 }"));
    const { changes, errors, looks } = watching();
    const limiter = new RateLimiter({ clock });
    write("base.yml", limiters("{ rate: fast }"));
    await looks(2);
    expect(errors.map(({ file }) => file)).toEqual([at("base.yml")]);
    write("base.yml", limiters("{ rate: 30 }"));
    await looks(2);
    expect([limiter.rate, changes.length]).toEqual([30, 1]);
    write("kstlib.conf.yml", "include: [base.yml, more.yml]\n");
    await looks(2);
    expect(errors).toHaveLength(2);
    write("more.yml", limiters("{ rate: 40 }"));
    await looks(4);
    expect([limiter.rate, changes.length]).toEqual([40, 2]);
  });

  test("may be any file there: a folder, a huge one, one that is not UTF-8", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const { changes, errors, looks } = watching();
    fs.rmSync(at("kstlib.conf.yml"));
    fs.mkdirSync(at("kstlib.conf.yml"));
    await looks(2);
    fs.rmdirSync(at("kstlib.conf.yml"));
    write("kstlib.conf.yml", "#".repeat(300_000));
    await looks(2);
    fs.writeFileSync(at("kstlib.conf.yml"), Buffer.from([0xff, 0xfe]));
    await looks(2);
    expect([changes.length, errors.length]).toEqual([0, 3]);
  });

  test.each([
    [{ interval: 0 }, RangeError],
    [{ interval: Number.NaN }, RangeError],
    [{ interval: Infinity }, RangeError],
    [{ interval: -1 }, RangeError],
    [{ interval: null }, TypeError],
    [{ interval: "soon" }, TypeError],
    [{ optional: "yes" }, TypeError],
    [{ registry: {} }, TypeError],
    [{ registry: null }, TypeError],
    [{ path: 7 }, TypeError],
    [{ clock: {} }, RangeError],
    [{ intervall: 1 }, TypeError],
  ])("in the options is reported: %o", (options, kind) => {
    write("kstlib.conf.yml", "resilience: {}\n");
    expect(() => watching(options as WatchConfigOptions)).toThrow(kind);
    expect(currentConfiguration()).toEqual({});
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("what is applied", () => {
  test("text with the same meaning changes nothing", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20, per: 60 }"));
    const { changes, looks } = watching();
    const limiter = new RateLimiter({ clock });
    limiter.update({ rate: 5 });
    await looks(3);
    write("kstlib.conf.yml", `# The limits of the exchange.\n${limiters("{ rate: 20, per: 60 }")}`);
    await looks(3);
    expect(changes).toEqual([]);
    write("kstlib.conf.yml", limiters("{ rate: 20, per: 1m }"));
    await looks(3);
    expect(changes.map(({ components }) => components)).toEqual([[]]);
    expect(limiter.rate).toBe(5);
  });

  test("an open circuit stays open, and opens for the new time when it opens again", async () => {
    const breakers = (options: string): string => `resilience: { circuit_breaker: ${options} }\n`;
    write("kstlib.conf.yml", breakers("{ max_failures: 5, instances: { payment: { max_failures: 2 } } }"));
    const { changes, looks } = watching();
    const breaker = new CircuitBreaker({ name: "payment", clock });
    const fail = (): Promise<unknown> =>
      breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
    await fail();
    await fail();
    expect(breaker.state).toBe("open");
    write("kstlib.conf.yml", breakers("{ max_failures: 5, reset_timeout: 10m, instances: { payment: {} } }"));
    await looks(2);
    expect(changes[0]?.components).toMatchObject([
      { name: "payment", changed: ["maxFailures", "resetTimeout"] },
    ]);
    expect(breaker.snapshot()).toMatchObject({ state: "open", remainingSeconds: 58, failureCount: 2 });
    await clock.advance(58);
    await fail();
    expect(breaker.snapshot()).toMatchObject({ state: "open", remainingSeconds: 600 });
    expect(breaker.maxFailures).toBe(5);
  });

  test("tokens stay, and waiters get new turns by the new rate", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 1, per: 1h, burst: 5 }"));
    const { looks } = watching();
    const limiter = new RateLimiter({ clock });
    for (let taken = 0; taken < 5; taken++) limiter.tryAcquire();
    const waiting = limiter.acquire();
    expect(limiter.timeUntilToken()).toBeCloseTo(7200, 0);
    write("kstlib.conf.yml", limiters("{ rate: 3600, per: 1h, burst: 50 }"));
    await looks(2);
    expect(limiter.tokens).toBeLessThan(1);
    await looks(2);
    await expect(waiting).resolves.toBeUndefined();
  });

  test("what a file no longer sets goes back to its default, and a burst follows the rate again", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20, burst: 3, max_queue: 0 }"));
    const { changes, looks } = watching();
    const limiter = new RateLimiter({ clock });
    expect([limiter.rate, limiter.burst, limiter.maxQueue]).toEqual([20, 3, 0]);
    write("kstlib.conf.yml", "resilience: {}\n");
    await looks(2);
    expect([limiter.rate, limiter.burst, limiter.maxQueue]).toEqual([10, 10, undefined]);
    expect(changes[0]?.components[0]?.changed).toEqual(["rate", "burst", "maxQueue"]);
    limiter.update({ rate: 40 });
    expect(limiter.burst).toBe(40);
  });

  test("options of the constructor win, and the change event reports it", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20, instances: { exchange: { burst: 5 } } }"));
    const { changes, looks } = watching();
    const limiter = new RateLimiter({ name: "exchange", rate: 7, clock });
    write("kstlib.conf.yml", limiters("{ rate: 30, instances: { exchange: { burst: 6 } } }"));
    await looks(2);
    expect([limiter.rate, limiter.burst]).toEqual([7, 6]);
    expect(changes[0]?.components).toEqual([
      { kind: "rate-limiter", name: "exchange", changed: ["burst"], ignored: [], overridden: ["rate"] },
    ]);
  });

  test("only an instance of that name is changed, and those made later start from the new file", async () => {
    write("kstlib.conf.yml", limiters("{ instances: { a: { rate: 1 }, b: { rate: 1 } } }"));
    const { changes, looks } = watching();
    const [a, b] = [new RateLimiter({ name: "a", clock }), new RateLimiter({ name: "b", clock })];
    write("kstlib.conf.yml", limiters("{ instances: { a: { rate: 2 }, b: { rate: 1 } } }"));
    await looks(2);
    expect([a.rate, b.rate, new RateLimiter({ name: "a", clock }).rate]).toEqual([2, 1, 2]);
    expect(changes[0]?.components.map(({ name }) => name)).toEqual(["a"]);
  });

  test("what cannot change in a live component is named, and so are values that contradict the constructor's", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20, max_keys: 100 }"));
    const { changes, looks } = watching();
    const keyed = new KeyedRateLimiter({ name: "clients", clock });
    const plain = new RateLimiter({ name: "plain", per: "1ms", clock });
    write("kstlib.conf.yml", limiters("{ rate: 9000000, max_keys: 200 }"));
    await looks(2);
    expect(changes[0]?.components).toEqual([
      {
        kind: "keyed-rate-limiter",
        name: "clients",
        changed: ["rate"],
        ignored: ["maxKeys"],
        overridden: [],
      },
      {
        kind: "rate-limiter",
        name: "plain",
        changed: [],
        ignored: ["rate"],
        overridden: [],
        error: expect.any(RangeError) as RangeError,
      },
    ]);
    expect([keyed.rate, keyed.maxKeys, plain.rate]).toEqual([9_000_000, 100, 20]);
  });

  test("a health check gets the new timeout, unless it was given its own", async () => {
    write("kstlib.conf.yml", "resilience: { health: { check_timeout: 5 } }\n");
    const { looks } = watching();
    const health = new Health({ clock });
    health.addCheck("slow", () => new Promise(() => {}));
    health.addCheck("slower", () => new Promise(() => {}), { timeout: 30 });
    write("kstlib.conf.yml", "resilience: { health: { check_timeout: 2 } }\n");
    await looks(2);
    const report = health.readiness();
    await clock.advance(30);
    expect((await report).checks.map(({ seconds }) => seconds)).toEqual([2, 30]);
  });

  test("an adaptive limiter brings its limit within new bounds, unless they do not go with its own", async () => {
    write("kstlib.conf.yml", "resilience: { adaptive_limiter: { min: 2, max: 50 } }\n");
    const { changes, looks } = watching();
    const limiter = new AdaptiveLimiter({ clock });
    const own = new AdaptiveLimiter({ name: "own", min: 10, clock });
    write(
      "kstlib.conf.yml",
      "resilience: { adaptive_limiter: { min: 2, max: 8, max_queue: 3, algorithm: aimd } }\n",
    );
    await looks(2);
    expect([limiter.limit, own.limit]).toEqual([8, 20]);
    expect(changes[0]?.components).toMatchObject([
      { kind: "adaptive-limiter", changed: ["max", "maxQueue"], ignored: ["algorithm"] },
      { name: "own", changed: [], ignored: ["algorithm", "max", "maxQueue"], error: expect.any(RangeError) },
    ]);
  });

  test("the parts of a pipeline follow their sections, and a budget that changes is named", async () => {
    write(
      "kstlib.conf.yml",
      "resilience: { retry: { attempts: 2, budget: { ratio: 0.1 } }, timeout: { timeout: 5 } }\n",
    );
    const { changes, looks } = watching();
    const api = resilient({ name: "prices", retry: true, timeout: true });
    write(
      "kstlib.conf.yml",
      "resilience: { retry: { attempts: 4, budget: { ratio: 0.5 } }, timeout: { timeout: 2 } }\n",
    );
    await looks(2);
    expect([api.retry.attempts, api.timeout.timeout]).toEqual([4, 2]);
    expect(changes[0]?.components.map(({ kind, changed, ignored }) => [kind, changed, ignored])).toEqual(
      expect.arrayContaining([
        ["retry", ["attempts"], ["budget"]],
        ["timeout", ["timeout"], []],
      ]),
    );
  });

  test("a retry budget follows its section, for a registry and for plain constructors", async () => {
    const text = (ratio: number, exchange: string): string =>
      `resilience: { retry_budget: { ratio: ${ratio}, instances: { exchange: ${exchange} } }, retry: { budget: exchange } }\n`;
    write("kstlib.conf.yml", text(0, "{ min_per_second: 0.2 }"));
    await using registry = new Registry();
    const { changes, looks } = watching({ registry });
    registry.retry("a", { budget: { minPerSecond: 0 } });
    registry.retry("b");
    const { available } = registry.retryBudget("exchange").snapshot();
    write("kstlib.conf.yml", text(0.1, "{ min_per_second: 0.5, window: 5s }"));
    await looks(2);
    expect([available, registry.retryBudget("exchange").snapshot().available]).toEqual([2, 5]);
    expect(changes[0]?.components).toMatchObject([
      { kind: "retry-budget", name: "retry-budget", changed: ["ratio"], ignored: [], overridden: [] },
      { kind: "retry-budget", name: "exchange", changed: ["ratio", "minPerSecond"], ignored: ["window"] },
    ]);
  });

  test("plain constructors share a budget that the file names, also after a change", async () => {
    const text = (perSecond: number): string =>
      `resilience: { retry_budget: { ratio: 0, instances: { exchange: { min_per_second: ${perSecond} } } }, retry: { attempts: 9, delay: 0, budget: exchange } }\n`;
    write("kstlib.conf.yml", text(0.2));
    const { looks } = watching();
    const down = (): Promise<never> => Promise.reject(new Error("down"));
    const before = new Retry({ name: "before" });
    await before.call(down).catch(() => {});
    write("kstlib.conf.yml", text(0.3));
    await looks(2);
    const after = new Retry({ name: "after" });
    await after.call(down).catch(() => {});
    expect([before.stats.retries, after.stats.retries]).toEqual([2, 1]);
  });

  describe("a pipeline of the file", () => {
    const pipelines = (prices: string, others: string = ""): string =>
      `resilience: { ${others} pipelines: { prices: ${prices} } }\n`;
    const told = ({ components }: ConfigChange): unknown[] =>
      components.map(({ kind, name, changed, ignored, overridden }) => [
        `${kind} ${name}`,
        ...changed,
        ...ignored.map((option) => `not ${option}`),
        ...overridden.map((option) => `own ${option}`),
      ]);

    test("its parts follow what it says of them, by what can change of their kinds", async () => {
      write(
        "kstlib.conf.yml",
        pipelines(
          "{ fallback: { to: 1 }, total_timeout: 20s, retry: { attempts: 2, budget: { ratio: 0.1 } }, adaptive_limiter: true, timeout: { timeout: 5s } }",
        ),
      );
      const registry = new Registry();
      const { changes, looks } = watching({ registry });
      const api = registry.pipeline("prices");
      write(
        "kstlib.conf.yml",
        pipelines(
          "{ fallback: { to: 2 }, total_timeout: 15s, retry: { attempts: 4, budget: { ratio: 0.2 } }, adaptive_limiter: { max: 7 }, timeout: 2s }",
        ),
      );
      await looks(2);
      expect([api.totalTimeout?.timeout, api.retry?.attempts, api.timeout?.timeout]).toEqual([15, 4, 2]);
      expect(api.adaptiveLimiter?.limit).toBe(7);
      expect(changes.map(told)).toEqual([
        [
          ["fallback prices", "not to"],
          ["timeout prices-total", "timeout"],
          ["retry prices", "attempts", "not budget"],
          ["adaptive-limiter prices", "max"],
          ["timeout prices", "timeout"],
        ],
      ]);
    });

    test("its parts follow their sections in what it does not say", async () => {
      const retry = (attempts: number, factor: number): string =>
        `retry: { attempts: ${attempts}, delay: { factor: ${factor} } },`;
      write("kstlib.conf.yml", pipelines("{ retry: { attempts: 2 } }", retry(5, 2)));
      const registry = new Registry();
      const { changes, looks } = watching({ registry });
      const api = registry.pipeline("prices");
      write("kstlib.conf.yml", pipelines("{ retry: { attempts: 2 } }", retry(6, 3)));
      await looks(2);
      expect(api.retry?.attempts).toBe(2);
      write("kstlib.conf.yml", pipelines("{ retry: true }", retry(6, 3)));
      await looks(2);
      expect(api.retry?.attempts).toBe(6);
      expect(changes.map(told)).toEqual([[["retry prices", "delay"]], [["retry prices", "attempts"]]]);
    });

    test("other parts, and another way to give one, need another pipeline, and are named", async () => {
      const named = "retry: { instances: { patient: { attempts: 9 } } },";
      write("kstlib.conf.yml", pipelines("{ retry: { attempts: 2 }, timeout: 5s }", named));
      const registry = new Registry();
      const { changes, looks } = watching({ registry });
      const api = registry.pipeline("prices");
      write("kstlib.conf.yml", pipelines("{ retry: patient, hedge: true }", named));
      await looks(2);
      write("kstlib.conf.yml", pipelines("{ retry: { attempts: 4 }, hedge: true, timeout: 3s }", named));
      await looks(2);
      expect([api.retry?.attempts, api.timeout?.timeout, api.hedge]).toEqual([4, 3, undefined]);
      expect(changes.map(told)).toEqual([
        [["pipeline prices", "not retry", "not hedge", "not timeout"]],
        [
          ["retry prices", "attempts"],
          ["timeout prices", "timeout"],
        ],
      ]);
    });

    test("a part that the code gives, or that was there before, stays, and is named", async () => {
      write("kstlib.conf.yml", pipelines("{ retry: true, timeout: 5s }"));
      const registry = new Registry();
      const { changes, looks } = watching({ registry });
      const retry = registry.retry("prices");
      registry.pipeline("prices", { timeout: { timeout: 4, clock } });
      write("kstlib.conf.yml", pipelines("{ retry: { attempts: 5 }, timeout: 2s }"));
      await looks(2);
      expect([retry.attempts, registry.timeout("prices").timeout]).toEqual([3, 4]);
      expect(changes.map(told)).toEqual([[["pipeline prices", "not retry", "own timeout"]]]);
    });

    test("what needs another pipeline is there when it is made anew; parts that follow stay", async () => {
      write("kstlib.conf.yml", pipelines("{ retry: { attempts: 2 } }"));
      const registry = new Registry();
      const { looks } = watching({ registry });
      const { retry } = registry.pipeline("prices");
      write("kstlib.conf.yml", pipelines("{ retry: { attempts: 4 }, timeout: 2s }"));
      await looks(2);
      await registry.release("pipeline", "prices");
      const again = registry.pipeline("prices");
      expect(again.retry).toBe(retry);
      expect([again.retry?.attempts, again.timeout?.timeout]).toEqual([4, 2]);
      expect(() => registry.retry("prices", { attempts: 5 })).toThrow("was created with attempts");
    });

    test.each(["the registry", "the process"])(
      "follows also where it was made before the watcher of %s",
      async (whose) => {
        const config = { pipelines: { prices: { retry: { attempts: 2 } } } };
        const registry = new Registry(config);
        const early = registry.pipeline("prices");
        write("kstlib.conf.yml", pipelines("{ retry: { attempts: 4 } }"));
        const { looks } = watching(whose === "the registry" ? { registry } : {});
        const late = (whose === "the registry" ? registry : new Registry()).pipeline("prices");
        expect([early.retry?.attempts, late.retry?.attempts]).toEqual(
          whose === "the registry" ? [4, 4] : [2, 4],
        );
        write("kstlib.conf.yml", pipelines("{ retry: { attempts: 5 } }"));
        await looks(2);
        expect([early.retry?.attempts, late.retry?.attempts]).toEqual(
          whose === "the registry" ? [5, 5] : [2, 5],
        );
      },
    );
  });

  test("components of a registry follow, with their overrides, made before or later", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const registry = new Registry({ rateLimiter: { rate: 5, burst: 2 } });
    const first = registry.rateLimiter("first", { clock });
    const fixed = registry.rateLimiter("fixed", { clock, rate: 7 });
    const elsewhere = new RateLimiter({ clock });
    const { changes, looks } = watching({ registry });
    expect([first.rate, first.burst, fixed.rate]).toEqual([20, 20, 7]);
    const later = registry.rateLimiter("later", { clock });
    write("kstlib.conf.yml", limiters("{ rate: 30 }"));
    await looks(2);
    expect([first.rate, fixed.rate, later.rate, elsewhere.rate]).toEqual([30, 7, 30, 10]);
    expect(
      changes[0]?.components.map(({ name, changed, overridden }) => [name, changed, overridden]),
    ).toEqual([
      ["first", ["rate"], []],
      ["fixed", [], ["rate"]],
      ["later", ["rate"], []],
    ]);
    expect(currentConfiguration()).toEqual({});
  });

  test("a registry without its own configuration follows the process-wide one", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const { looks } = watching();
    const registry = new Registry();
    const limiter = registry.rateLimiter("exchange", { clock });
    write("kstlib.conf.yml", limiters("{ rate: 30 }"));
    await looks(2);
    expect(limiter.rate).toBe(30);
  });

  test("a listener of an effect of a change may create a component, and reload", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 1, per: 1h, burst: 5 }"));
    const { watcher, changes, looks } = watching();
    const limiter = new RateLimiter({ clock });
    for (let taken = 0; taken < 5; taken++) limiter.tryAcquire();
    const refused = limiter.acquire({ cost: 5 }).catch((error: unknown) => error);
    const made: RateLimiter[] = [];
    limiter.on("rejected", () => made.push(new RateLimiter({ clock })));
    const late = limiter.acquire({ timeout: "10h" }).catch((error: unknown) => error);
    limiter.on("rejected", () => watcher.reload());
    write("kstlib.conf.yml", limiters("{ rate: 1, per: 10h, burst: 5 }"));
    await looks(2);
    expect(changes).toHaveLength(1);
    expect(await late).toBeInstanceOf(Error);
    expect(made.map(({ per }) => per)).toEqual([36_000]);
    limiter[Symbol.dispose]();
    expect(await refused).toBeInstanceOf(Error);
  });
});

describe("a watcher", () => {
  test("reads at once on reload", () => {
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const { watcher, changes, errors } = watching();
    const limiter = new RateLimiter({ clock });
    write("kstlib.conf.yml", limiters("{ rate: 30 }"));
    watcher.reload();
    watcher.reload();
    expect([limiter.rate, changes.length]).toEqual([30, 1]);
    write("kstlib.conf.yml", limiters("{ rate: -1 }"));
    watcher.reload();
    expect([limiter.rate, errors.length]).toEqual([30, 1]);
  });

  test("leaves nothing behind when it is disposed of, even during a check", async () => {
    using _before = configure({ rateLimiter: { rate: 3 } });
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const { watcher, changes, looks } = watching();
    const limiter = new RateLimiter({ clock });
    expect(clock.pendingTimers).toBe(1);
    await looks(1);
    write("kstlib.conf.yml", limiters("{ rate: 30 }"));
    await looks(1);
    const look = looks(1);
    watcher[Symbol.dispose]();
    watcher[Symbol.dispose]();
    await look;
    watcher.reload();
    await looks(3);
    expect(clock.pendingTimers).toBe(0);
    expect([limiter.rate, new RateLimiter({ clock }).rate, changes.length]).toEqual([20, 3, 0]);
    expect(watcher.snapshot()).toMatchObject({ isWatching: false, error: null });
  });

  test("leaves a registry its last configuration", async () => {
    write("kstlib.conf.yml", limiters("{ rate: 20 }"));
    const registry = new Registry();
    const { watcher, looks } = watching({ registry });
    const limiter = registry.rateLimiter("first", { clock });
    watcher[Symbol.dispose]();
    write("kstlib.conf.yml", limiters("{ rate: 30 }"));
    await looks(3);
    expect([limiter.rate, registry.rateLimiter("second", { clock }).rate]).toEqual([20, 20]);
  });
});
