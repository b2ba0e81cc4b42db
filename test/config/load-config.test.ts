import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ConfigError, loadConfig } from "../../src/config/index.js";
import { configure } from "../../src/configure.js";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";

vi.mock("node:os", async (original) => {
  const os = await original<typeof import("node:os")>();
  return { ...os, homedir: vi.fn<() => string>(os.homedir) };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "kstlib-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const load = (file: string): ReturnType<typeof loadConfig> =>
  loadConfig({ path: file, cwd: folder, env: {} });

function mistake(text: string): ConfigError {
  const file = write("kstlib.conf.yml", text);
  try {
    load(file);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

test("reports the mistakes of all files in one error, in the order of the files, each once", () => {
  write("broken.yml", "resilience: [");
  write("base.yml", "include: broken.yml\nresilience:\n  watchdog: { timeout: banana }\n");
  const { issues } = mistake(
    [
      "include: [base.yml, missing.yml, base.yml]",
      "resilience:",
      "  heartbeat: { intervl: 3 }",
      "  rate_limiter: { rate: 1, default_rate: 2 }",
    ].join("\n"),
  );
  expect(issues.map(({ file, line, keyPath }) => [path.basename(file), line, keyPath])).toEqual([
    ["kstlib.conf.yml", 3, "resilience.heartbeat.intervl"],
    ["kstlib.conf.yml", 4, "resilience.rate_limiter.default_rate"],
    ["base.yml", 3, "resilience.watchdog.timeout"],
    ["broken.yml", 1, ""],
    ["kstlib.conf.yml", 1, "include"],
  ]);
});

describe("the file is found", () => {
  const content = (failures: number): string =>
    `resilience: { circuit_breaker: { max_failures: ${failures} } }`;
  const failuresOf = (options: Parameters<typeof loadConfig>[0]): unknown =>
    loadConfig(options).circuitBreaker?.maxFailures;

  test("by path, before the environment, before the folder, before the user's folder", () => {
    write("named.yml", content(1));
    const fromEnvironment = write("env.yml", content(2));
    write("work/kstlib.conf.yml", content(3));
    write("xdg/kstlib/kstlib.conf.yml", content(4));
    write("home/.config/kstlib/kstlib.conf.yml", content(5));
    write("appdata/kstlib/kstlib.conf.yml", content(6));
    const work = path.join(folder, "work");
    const bare = path.join(folder, "bare");
    mkdirSync(bare);
    const xdg = { XDG_CONFIG_HOME: path.join(folder, "xdg") };
    const home = { HOME: path.join(folder, "home") };
    const nowhere = { HOME: path.join(folder, "none") };
    expect(failuresOf({ path: "../named.yml", cwd: work, env: { KSTLIB_CONFIG: fromEnvironment } })).toBe(1);
    expect(failuresOf({ cwd: work, env: { KSTLIB_CONFIG: fromEnvironment, ...xdg } })).toBe(2);
    expect(failuresOf({ cwd: work, env: { ...xdg, ...home } })).toBe(3);
    expect(failuresOf({ cwd: bare, env: { ...xdg, ...home } })).toBe(4);
    expect(failuresOf({ cwd: bare, env: home })).toBe(5);
    expect(failuresOf({ cwd: bare, env: { ...nowhere, APPDATA: path.join(folder, "appdata") } })).toBe(6);
    expect(loadConfig({ cwd: bare, env: nowhere })).toEqual({});
  });

  test("where the Python original has it, after all other places", () => {
    write("home/.config/kstlib.conf.yml", content(1));
    const env = { HOME: path.join(folder, "home") };
    const cwd = path.join(folder, "bare");
    mkdirSync(cwd);
    expect(failuresOf({ cwd, env })).toBe(1);
    write("home/kstlib.conf.yml", content(2));
    expect(failuresOf({ cwd, env })).toBe(2);
    write("home/.config/kstlib/kstlib.conf.yml", content(3));
    expect(failuresOf({ cwd, env })).toBe(3);
  });

  test("by its second ending, kstlib.conf.yaml, in every place, with a warning about a second one in the same folder", () => {
    const warnings: unknown[] = [];
    const emit = vi.spyOn(process, "emitWarning").mockImplementation((...args) => void warnings.push(args));
    const env = { HOME: path.join(folder, "home") };
    write("home/.config/kstlib/kstlib.conf.yaml", content(1));
    expect(failuresOf({ cwd: folder, env })).toBe(1);
    const yaml = write("kstlib.conf.yaml", content(2));
    expect(failuresOf({ cwd: folder, env })).toBe(2);
    expect(warnings).toEqual([]);
    const yml = write("kstlib.conf.yml", content(3));
    expect(failuresOf({ cwd: folder, env })).toBe(3);
    emit.mockRestore();
    expect(warnings).toMatchObject([
      [
        `${yaml} is not read, because ${yml} is in the same folder; keep one of them.`,
        { code: "KSTLIB_CONFIG_FILE" },
      ],
    ]);
  });

  test("in the home folder by ~/, in a path, in KSTLIB_CONFIG and in include", () => {
    const env = { HOME: folder };
    write("a.yml", "include: ~/b.yml");
    write("b.yml", content(4));
    expect(failuresOf({ path: "~/a.yml", cwd: "/", env })).toBe(4);
    expect(failuresOf({ cwd: "/", env: { ...env, KSTLIB_CONFIG: "~/a.yml" } })).toBe(4);
  });

  test("and a missing file that was named is reported as missing", () => {
    for (const options of [
      { path: "missing.yml", cwd: folder, env: {} },
      { cwd: folder, env: { KSTLIB_CONFIG: "missing.yml" } },
    ]) {
      expect(() => loadConfig(options)).toThrow(/missing\.yml: .*no such file/);
    }
  });

  test("and a folder that may not be entered, or a circular link, has none", () => {
    const home = path.join(folder, "closed");
    mkdirSync(home);
    symlinkSync("kstlib.conf.yml", path.join(home, "kstlib.conf.yml"));
    expect(loadConfig({ cwd: folder, env: { HOME: home } })).toEqual({});
    write("file", "");
    expect(loadConfig({ cwd: folder, env: { HOME: path.join(folder, "file") } })).toEqual({});
    vi.mocked(homedir).mockImplementationOnce(() => {
      throw new Error("uv_os_homedir returned ENOENT");
    });
    expect(loadConfig({ cwd: folder, env: {} })).toEqual({});
  });

  test("and an empty KSTLIB_CONFIG counts as none", () => {
    expect(loadConfig({ cwd: folder, env: { KSTLIB_CONFIG: "", HOME: folder } })).toEqual({});
  });
});

describe("every key of the reference is read", () => {
  test("with its own names, default_rate, default_per and default_timeout among them", () => {
    const file = write(
      "kstlib.conf.yml",
      `
other_module: { anything: [1, 2] }
resilience:
  circuit_breaker:
    max_failures: 5
    reset_timeout: 60
    half_open_max_calls: 3
  rate_limiter:
    default_rate: 7
    default_per: 2.0
  shutdown:
    default_timeout: 31
  heartbeat:
    interval: 11
  watchdog:
    timeout: 32
`,
    );
    expect(load(file)).toEqual({
      circuitBreaker: { maxFailures: 5, resetTimeout: 60, halfOpenMaxCalls: 3 },
      rateLimiter: { rate: 7, per: 2 },
      shutdown: { timeout: 31 },
      heartbeat: { interval: 11 },
      watchdog: { timeout: 32 },
    });
  });

  test("in a configuration that is deeply frozen", () => {
    const config = load(
      write(
        "kstlib.conf.yml",
        "resilience: { rate_limiter: { instances: { a: { rate: 1 } } }, heartbeat: { metadata: { a: { b: [1] } } }, circuit_breaker: { reset_timeout: { initial: 1, factor: 2, max: 30 } } }",
      ),
    );
    expect(Object.isFrozen(config.circuitBreaker?.resetTimeout)).toBe(true);
    const metadata = config.heartbeat?.metadata as { readonly a: { readonly b: readonly number[] } };
    expect(Object.isFrozen(metadata.a.b)).toBe(true);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.rateLimiter)).toBe(true);
    expect(Object.isFrozen(config.rateLimiter?.instances)).toBe(true);
    expect(Object.isFrozen(config.rateLimiter?.instances?.["a"])).toBe(true);
  });

  test("by the components: section, then instances.<name>, then constructor options", async () => {
    const file = write(
      "kstlib.conf.yml",
      `
resilience:
  circuit_breaker:
    max_failures: 2
    instances:
      payment-api: { max_failures: 1, reset_timeout: 10s }
  rate_limiter:
    default_rate: 3
    default_per: 1m
    instances:
      exchange: { rate: 1200, per: 1m, burst: 50 }
  heartbeat: { interval: 2, state_file: ${JSON.stringify(path.join(folder, "app.heartbeat"))} }
`,
    );
    using _configured = configure(load(file));
    const failing = (): never => {
      throw new Error("down");
    };
    const failuresToOpen = (breaker: CircuitBreaker): number => {
      for (let failures = 1; ; failures++) {
        expect(() => breaker.callSync(failing)).toThrow("down");
        if (breaker.state === "open") return failures;
      }
    };
    expect(failuresToOpen(new CircuitBreaker())).toBe(2);
    expect(failuresToOpen(new CircuitBreaker({ name: "payment-api" }))).toBe(1);
    expect(failuresToOpen(new CircuitBreaker({ name: "payment-api", maxFailures: 4 }))).toBe(4);
    expect(failuresToOpen(new CircuitBreaker({ name: "constructor" }))).toBe(2);
    const limiter = new RateLimiter();
    expect([limiter.rate, limiter.per, limiter.burst]).toEqual([3, 60, 3]);
    const exchange = new RateLimiter({ name: "exchange" });
    expect([exchange.rate, exchange.per, exchange.burst]).toEqual([1200, 60, 50]);
    await using heartbeat = new Heartbeat();
    await heartbeat.beat();
    expect((await Heartbeat.readState(path.join(folder, "app.heartbeat")))?.interval).toBe(2);
  });

  test("and a section or an instance with everything commented out has no effect", () => {
    const file = write(
      "kstlib.conf.yml",
      "resilience:\n  heartbeat:\n  watchdog:\n    instances:\n      a:\n",
    );
    expect(load(file)).toEqual({ watchdog: { instances: { a: {} } } });
    expect(load(write("empty.yml", ""))).toEqual({});
    expect(load(write("comment.yml", "# nothing\nresilience:\n"))).toEqual({});
  });
});

describe("the options of loadConfig", () => {
  test("are checked like all options", () => {
    expect(() => loadConfig({ pth: "prod.yml" } as object)).toThrow("did you mean path?");
    for (const options of [null, 5, [], { path: 3 }, { path: "" }, { cwd: 3 }, { env: 5 }, { env: null }]) {
      expect(() => loadConfig(options as object), JSON.stringify(options)).toThrow(
        /must be|options of loadConfig/,
      );
    }
  });
});

describe("include", () => {
  test("merges deeply, later over earlier, the file itself over all, relative to the file that names it", () => {
    write("base/one.yml", "resilience: { circuit_breaker: { max_failures: 1, reset_timeout: 1s } }");
    write(
      "base/two.yml",
      "include: deep/three.yml\nresilience: { circuit_breaker: { max_failures: 2, instances: { a: { max_failures: 7 } } } }",
    );
    write("base/deep/three.yml", "resilience: { rate_limiter: { default_rate: 3 } }");
    const file = write(
      "kstlib.conf.yml",
      "include: [base/one.yml, base/two.yml]\nresilience: { circuit_breaker: { instances: { a: { reset_timeout: 9s } } }, rate_limiter: { rate: 4 } }",
    );
    expect(load(file)).toEqual({
      circuitBreaker: {
        maxFailures: 2,
        resetTimeout: "1s",
        instances: { a: { maxFailures: 7, resetTimeout: "9s" } },
      },
      rateLimiter: { rate: 4 },
    });
    const reversed = write("reversed.yml", "include: [base/two.yml, base/one.yml]");
    expect(load(reversed).circuitBreaker?.maxFailures).toBe(1);
  });

  test("that is circular is an error that shows the circle, also through a symbolic link", () => {
    write("a.yml", "include: b.yml");
    write("b.yml", "\ninclude: link.yml");
    symlinkSync(path.join(folder, "a.yml"), path.join(folder, "link.yml"));
    expect(() => load(path.join(folder, "a.yml"))).toThrow(/b\.yml:2:10: include is circular: .*a\.yml > /);
  });

  test("of a folder is an error where it is named", () => {
    expect(mistake("resilience: {}\ninclude: .")).toMatchObject({ line: 2, column: 10, keyPath: "include" });
  });

  test("works 10 levels deep and is refused at 11", () => {
    for (let depth = 0; depth < 12; depth++) {
      write(`${depth}.yml`, depth === 11 ? "resilience: {}" : `include: ${depth + 1}.yml`);
    }
    expect(load(path.join(folder, "1.yml"))).toEqual({});
    expect(() => load(path.join(folder, "0.yml"))).toThrow(/more than 10 files deep/);
  });

  test("of a missing file is an error where it is named", () => {
    expect(mistake("resilience: {}\ninclude: nowhere.yml")).toMatchObject({
      line: 2,
      column: 10,
      keyPath: "include",
    });
  });

  test("cannot multiply the number of files read", () => {
    const many = `include: [${Array.from({ length: 12 }, () => "leaf.yml").join(", ")}]`;
    write("leaf.yml", "resilience: {}");
    write("middle.yml", many);
    const file = write("top.yml", many.replaceAll("leaf", "middle"));
    expect(() => load(file)).toThrow(/more than 100 files/);
  });

  test("of the wrong type is an error", () => {
    for (const include of ["3", "[1]", "{ a: b }", '""']) {
      expect(mistake(`include: ${include}`).message).toContain("include must be the path of a file");
    }
  });
});

describe("a mistake", () => {
  test("in a value names the file, line, column, path, the value found and the values allowed", () => {
    const error = mistake("resilience:\n  circuit_breaker:\n    max_failures: -3\n");
    expect(error).toMatchObject({
      name: "ConfigError",
      code: "ERR_CONFIG",
      file: path.join(folder, "kstlib.conf.yml"),
      line: 3,
      column: 19,
      keyPath: "resilience.circuit_breaker.max_failures",
    });
    expect(error.message).toBe(
      `${error.file}:3:19: resilience.circuit_breaker.max_failures must be a whole number of at least 1; got -3.`,
    );
  });

  test("in a key names the key's place and the nearest known key", () => {
    const error = mistake("resilience:\n  circuit_breaker:\n    max_failure: 3\n");
    expect(error).toMatchObject({ line: 3, column: 5 });
    expect(error.message).toContain(
      "resilience.circuit_breaker.max_failure is not a known key; did you mean max_failures?",
    );
    expect(mistake("resilience:\n  circuitbreaker: {}").message).toContain("did you mean circuit_breaker?");
    expect(mistake("resilience: { rate_limiter: { instances: { x: { brust: 3 } } } }").message).toContain(
      "resilience.rate_limiter.instances.x.brust is not a known key; did you mean burst?",
    );
    expect(mistake("resilience: { heartbeat: { zzzzzzzz: 3 } }").message).toContain(
      "known are state_file, interval",
    );
  });

  test("is reported together with all the others", () => {
    const error = mistake(
      "resilience:\n  watchdog: { timeout: soon }\n  heartbeat: { interval: 0 }\n  shutdwn: 3\n",
    );
    expect(error.issues.map((issue) => [issue.line, issue.keyPath])).toEqual([
      [2, "resilience.watchdog.timeout"],
      [3, "resilience.heartbeat.interval"],
      [4, "resilience.shutdwn"],
    ]);
  });

  test("of contradictory options is reported for each section", () => {
    const error = mistake(
      "resilience:\n  shutdown: { timeout: 3, pre_stop_delay: 5 }\n  watchdog: { timeout: 10, poll_interval: 9 }\n",
    );
    expect(error.issues.map((issue) => [issue.line, issue.keyPath])).toEqual([
      [2, "resilience.shutdown"],
      [3, "resilience.watchdog"],
    ]);
  });

  test("of contradictory options of a part of a pipeline counts what the part gets from its section and its name", () => {
    const error = mistake(
      [
        "resilience:",
        "  adaptive_limiter: { max: 30, initial: 5, instances: { low: { max: 8 }, b: { max: 9 } } }",
        "  pipelines:",
        "    a: { adaptive_limiter: { min: 20, max: 10 } }",
        "    b: { adaptive_limiter: { min: 20 } }",
        "    low: { adaptive_limiter: { min: 20 } }",
        "    d: { adaptive_limiter: { min: 20, initial: 25 }, retry: true, timeout: 2s, circuit_breaker: { max_failures: 2 } }",
      ].join("\n"),
    );
    const rule = "max must be at least min, which is 20; got";
    expect(error.issues.map(({ line, column, message }) => [line, column, message])).toEqual([
      [4, 10, `resilience.pipelines.a.adaptive_limiter: ${rule} 10.`],
      [5, 10, `resilience.pipelines.b.adaptive_limiter: ${rule} 9.`],
      [6, 12, `resilience.pipelines.low.adaptive_limiter: ${rule} 8.`],
    ]);
  });

  test("of a value that is wrong only as two files together write it is found in the upper one", () => {
    write(
      "base.yml",
      "resilience: { hedge: { delay: { min: 1.5s } }, retry: { instances: { a: { delay: { initial: 9s } } } } }",
    );
    const error = mistake(
      "include: base.yml\nresilience:\n  hedge: { delay: { max: 1s } }\n  retry: { instances: { a: { delay: { max: 5s } } } }\n",
    );
    expect(error.issues.map(({ line, message }) => [line, message])).toEqual([
      [4, expect.stringContaining("resilience.retry.instances.a.delay.max must be at least")],
      [3, expect.stringContaining("resilience.hedge.delay.max must be at least resilience.hedge.delay.min")],
    ]);
  });

  test("of such a value is no other one of an instance or a pipeline that has the section below it", () => {
    write("base.yml", "resilience: { hedge: { delay: { min: 1.5s } } }");
    const error = mistake(
      [
        "include: base.yml",
        "resilience:",
        "  hedge: { delay: { max: 1s }, instances: { a: { max_hedges: 2 } } }",
        "  pipelines: { p: { hedge: { max_hedges: 2 } } }",
      ].join("\n"),
    );
    expect(error.issues.map(({ line, message }) => [line, message])).toEqual([
      [3, expect.stringContaining("resilience.hedge.delay.max must be at least resilience.hedge.delay.min")],
    ]);
  });

  test("within the value of an option is found at its key, and spelled as in a file", () => {
    const error = mistake(
      [
        "resilience:",
        "  circuit_breaker:",
        "    half_open:",
        "      calls: 3",
        "      failure_rate: 5",
        "    instances:",
        "      a: { half_open: { calls: 3, failure_rat: 0.5 } }",
        "      b: { half_open: { calls: 3, failureRate: 0.5 } }",
        "  pipelines:",
        "    a:",
        "      circuit_breaker:",
        "        max_failure: 2",
        "        half_open: { calls: 0 }",
        "    b: { bulkhead: { maxConcurrent: 3 }, adaptive_limiter: { max_queue: -1 } }",
      ].join("\n"),
    );
    const unknown = "is not a known key; did you mean";
    expect(error.issues.map(({ line, column, message }) => [line, column, message])).toEqual([
      [5, 21, "resilience.circuit_breaker.half_open.failure_rate must be a number above 0, up to 1; got 5."],
      [7, 35, `resilience.circuit_breaker.instances.a.half_open.failure_rat ${unknown} failure_rate?`],
      [8, 35, `resilience.circuit_breaker.instances.b.half_open.failureRate ${unknown} failure_rate?`],
      [12, 9, `resilience.pipelines.a.circuit_breaker.max_failure ${unknown} max_failures?`],
      [14, 22, `resilience.pipelines.b.bulkhead.maxConcurrent ${unknown} max_concurrent?`],
      [
        14,
        73,
        "resilience.pipelines.b.adaptive_limiter.max_queue must be a whole number of at least 0; got -1.",
      ],
    ]);
  });

  test("of units gets the advice that a constructor gives", () => {
    expect(mistake("resilience: { circuit_breaker: { reset_timeout: 30000 } }").message).toContain(
      'resilience.circuit_breaker.reset_timeout: 30000 is 8 h 20 min; a number is seconds. Did you mean 30 or "30000ms"?',
    );
  });

  test("in an aliased or merged mapping is found where it is written", () => {
    expect(mistake("x: &x { max_failures: 0 }\nresilience:\n  circuit_breaker: *x\n").keyPath).toBe(
      "resilience.circuit_breaker.max_failures",
    );
    expect(mistake("x: &x\n  max_failures: 0\nresilience:\n  circuit_breaker:\n    <<: *x\n")).toMatchObject({
      keyPath: "resilience.circuit_breaker.max_failures",
    });
  });

  test("is none when a mapping merges two others, each with its own <<", () => {
    const file = write(
      "merged.yml",
      "x: &x { max_failures: 2 }\ny: &y { reset_timeout: 3 }\nresilience:\n  circuit_breaker:\n    <<: *x\n    <<: *y\n",
    );
    expect(load(file)).toEqual({ circuitBreaker: { maxFailures: 2, resetTimeout: 3 } });
  });

  test("of both names for one option is refused in one mapping, and the later file wins between files", () => {
    expect(mistake("resilience: { shutdown: { timeout: 1, default_timeout: 2 } }").message).toContain(
      "resilience.shutdown.default_timeout and timeout are the same option",
    );
    write("base.yml", "resilience: { shutdown: { default_timeout: 2 } }");
    const file = write("top.yml", "include: base.yml\nresilience: { shutdown: { timeout: 1 } }");
    expect(load(file)).toEqual({ shutdown: { timeout: 1 } });
  });

  test("of shape, section or whole file is an error", () => {
    expect(mistake("- 1\n- 2").message).toContain("the file must be a mapping");
    expect(mistake("resilience: 3").message).toContain("resilience must be a mapping of keys; got 3");
    expect(mistake("resilience: { watchdog: [1] }").message).toContain(
      "resilience.watchdog must be a mapping of keys; got an array",
    );
    expect(mistake("resilience: { watchdog: { instances: 3 } }").message).toContain(
      "resilience.watchdog.instances must be a mapping",
    );
  });

  test("of syntax, a duplicate key or a second document is an error with its place", () => {
    expect(mistake("resilience:\n  a: [1\n")).toMatchObject({ line: 3 });
    expect(mistake("resilience: {}\nresilience: {}\n")).toMatchObject({ line: 2, column: 1 });
    expect(mistake("a: 1\n---\nb: 2\n").message).toContain(":2:1: a second document begins here");
  });

  test("of bytes: not UTF-8, too large, a folder", () => {
    writeFileSync(path.join(folder, "binary.yml"), Buffer.from([0xff, 0xfe, 0x00, 0xd8]));
    expect(() => load("binary.yml")).toThrow(ConfigError);
    write("large.yml", `# ${"x".repeat(256 * 1024)}`);
    expect(() => load("large.yml")).toThrow(/larger than 262144 bytes/);
    expect(() => load(folder)).toThrow(ConfigError);
  });

  test.skipIf(process.platform === "win32")("of kind: a FIFO is refused, not waited for", () => {
    execFileSync("mkfifo", [path.join(folder, "fifo.yml")]);
    expect(() => load("fifo.yml")).toThrow(/regular file/);
  });

  test("made to exhaust the reader is refused: aliases that multiply, mappings without end", () => {
    const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
    for (let level = 1; level < 10; level++) {
      bomb.push(`a${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(", ")}]`);
    }
    expect(mistake(bomb.join("\n")).message).toMatch(/alias/i);
    expect(mistake(`resilience: ${"[".repeat(200_000)}`)).toBeInstanceOf(ConfigError);
  });

  test("between options that are each valid is found in the section or the instance", () => {
    const error = mistake(
      "resilience:\n  watchdog:\n    timeout: 10\n    instances:\n      loop: { poll_interval: 9 }\n",
    );
    expect(error).toMatchObject({ line: 5, column: 7, keyPath: "resilience.watchdog.instances.loop" });
    expect(error.message).toContain("pollInterval must be at most half the timeout of 10 s; got 9 s");
    expect(mistake("resilience: { rate_limiter: { rate: 1.0e+12 } }").keyPath).toBe(
      "resilience.rate_limiter",
    );
    expect(mistake("resilience: { shutdown: { default_timeout: 3, pre_stop_delay: 5 } }").message).toContain(
      "preStopDelay must be shorter than timeout",
    );
    write("base.yml", "resilience:\n  shutdown: { pre_stop_delay: 50 }\n");
    const top = write("top.yml", "include: base.yml\nresilience: { shutdown: { timeout: 60 } }\n");
    expect(load(top).shutdown).toEqual({ timeout: 60, preStopDelay: 50 });
    const bare = write("bare.yml", "include: base.yml\n");
    expect(() => load(bare)).toThrow(/base\.yml:2:3: resilience\.shutdown: preStopDelay must be shorter/);
  });

  test("at the end of a large file is found quickly", () => {
    const many = Array.from({ length: 24_000 }, (_, index) => `k${index}: 1`).join("\n");
    const file = write("many.yml", `${many}\nk7: 2\n`);
    expect(() => load(file)).toThrow(/many\.yml:24001:1: k7 stands here a second time/);
    const aliases = `a: &a 1\nb: [${Array.from({ length: 12_000 }, () => "*a").join(", ")}]`;
    expect(mistake(aliases).message).toContain("more than 100 aliases");
    const nothing = `b: [${Array.from({ length: 12_000 }, () => "*a").join(", ")}]`;
    expect(mistake(nothing).issues).toHaveLength(12_001);
  });

  test("in the top-level key is a warning, because other programs may have such keys", () => {
    const warnings: string[] = [];
    const emit = vi
      .spyOn(process, "emitWarning")
      .mockImplementation((message) => void warnings.push(String(message)));
    expect(load(write("slip.yml", "resiliance: { watchdog: { timeout: 5 } }"))).toEqual({});
    load(write("flat.yml", "other: 1\ncircuit_breaker: { max_failures: 3 }"));
    load(write("prefix.yml", "kstlib_resilience: { watchdog: { timeout: 5 } }"));
    load(write("case.yml", "Resilience: {}"));
    load(write("nested.yml", "kstlib: { resilience: { watchdog: { timeout: 5 } } }"));
    load(write("indent.yml", "resilience:\n  heartbeat: { interval: 3 }\nwatchdog: { timeout: 5 }"));
    load(
      write(
        "none.yml",
        "resilience: {}\nwatchdogs: {}\nkstlib: { logging: {} }\nwebsocket: { theirs: 1 }\nwatchdog: { theirs: 1 }\nresilience4j: { theirs: 1 }\nlogger: {}",
      ),
    );
    emit.mockRestore();
    expect(warnings).toEqual([
      `${path.join(folder, "slip.yml")}:1:1: resiliance is not read; did you mean resilience?`,
      `${path.join(folder, "flat.yml")}:2:1: circuit_breaker is not read; sections belong under the key resilience.`,
      `${path.join(folder, "prefix.yml")}:1:1: kstlib_resilience is not read; did you mean resilience?`,
      `${path.join(folder, "case.yml")}:1:1: Resilience is not read; did you mean resilience?`,
      `${path.join(folder, "nested.yml")}:1:1: kstlib is not read; resilience belongs at the top level of the file, not under kstlib.`,
      `${path.join(folder, "indent.yml")}:3:1: watchdog is not read; sections belong under the key resilience.`,
    ]);
  });

  test("that tries to reach a prototype is a key like any other", () => {
    expect(mistake("resilience: { __proto__: { polluted: 1 } }").keyPath).toBe("resilience.__proto__");
    expect(mistake("resilience: { watchdog: { instances: { __proto__: { timeout: soon } } } }").keyPath).toBe(
      "resilience.watchdog.instances.__proto__.timeout",
    );
    load(
      write(
        "ok.yml",
        "__proto__: { polluted: 1 }\nresilience: { heartbeat: { metadata: { __proto__: { polluted: 1 } } } }",
      ),
    );
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    const file = write("proto.yml", "resilience: { watchdog: { instances: { __proto__: { timeout: 5 } } } }");
    expect(Object.keys(load(file).watchdog?.instances ?? {})).toEqual(["__proto__"]);
  });

  test("of permission is reported as such", () => {
    if (process.getuid?.() === 0 || process.platform === "win32") return;
    const file = write("secret.yml", "resilience: {}");
    chmodSync(file, 0);
    expect(() => load(file)).toThrow(/no permission/);
  });
});

test("reports every unknown key, not only the first of a mapping", () => {
  const { issues } = mistake(
    [
      "resilience:",
      "  circuit_braker: {}",
      "  heart_beat: {}",
      "  circuit_breaker:",
      "    max_failure: 3",
      "    reset_timeot: 3",
      "    half_open_max_calls: 0",
      "    instances: { pay: { max_failurs: 1, probe: 2 } }",
    ].join("\n"),
  );
  expect(issues.map(({ line, keyPath }) => `${line} ${keyPath}`)).toEqual([
    "2 resilience.circuit_braker",
    "3 resilience.heart_beat",
    "5 resilience.circuit_breaker.max_failure",
    "6 resilience.circuit_breaker.reset_timeot",
    "7 resilience.circuit_breaker.half_open_max_calls",
    "8 resilience.circuit_breaker.instances.pay.max_failurs",
    "8 resilience.circuit_breaker.instances.pay.probe",
  ]);
});
