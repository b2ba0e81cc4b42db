import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { flowYaml } from "../../src/cli/config/flow-yaml.js";
import { starterFile } from "../../src/cli/config/starter-file.js";
import { loadConfig } from "../../src/config/index.js";
import { toSnakeCase } from "../../src/kernel/snake-case.js";
import { meanings, sections } from "../../src/all-sections.js";
import { FakeTerminal } from "./fake-terminal.js";

/** Every option that a file can have. */
const OPTIONS = Object.entries(sections).flatMap(([section, { rules, aliases, isByName }]) =>
  Object.entries(rules).flatMap(([option, rule]) =>
    rule.file === undefined || isByName
      ? []
      : [{ section, option, rule, name: toSnakeCase(option), alias: aliases?.[option] }],
  ),
);

interface Origin {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What `config show --json` says, by `section.option` and `section.instance.option`. */
async function shown(
  terminal: FakeTerminal,
  ...args: string[]
): Promise<ReadonlyMap<string, { value: unknown; origin: Origin | null }>> {
  terminal.stdout.text = "";
  expect(await terminal.run("config", "show", "--json", ...args)).toBe(0);
  const report: {
    sections: readonly {
      section: string;
      options: readonly { option: string; value: unknown; origin: Origin | null }[];
      instances: readonly {
        name: string;
        options: readonly { option: string; value: unknown; origin: Origin | null }[];
      }[];
    }[];
  } = JSON.parse(terminal.stdout.text);
  return new Map(
    report.sections.flatMap(({ section, options, instances }) => [
      ...options.map(({ option, value, origin }) => [`${section}.${option}`, { value, origin }] as const),
      ...instances.flatMap((instance) =>
        instance.options.map(
          ({ option, value, origin }) =>
            [`${section}.${instance.name}.${option}`, { value, origin }] as const,
        ),
      ),
    ]),
  );
}

describe("config show", () => {
  test("without a file shows every option as its default", async () => {
    const terminal = new FakeTerminal();
    const values = await shown(terminal);
    for (const { section, name, rule } of OPTIONS) {
      const value = rule.fallback ?? null;
      expect(values.get(`${toSnakeCase(section)}.${name}`), name).toEqual({ value, origin: null });
    }
    expect(values.size).toBe(OPTIONS.length);
    terminal.stdout.text = "";
    expect(await terminal.run("config", "show")).toBe(0);
    expect(terminal.stdout.text).toMatch(
      /^no configuration file; the defaults apply\n\ncircuit_breaker\n {2}max_failures +5 +default\n/,
    );
  });

  test("names the file and the line that has the last word, also for the parts of a value", async () => {
    const terminal = new FakeTerminal();
    const base = terminal.write(
      "base/base.yml",
      [
        "resilience:",
        "  heartbeat: { interval: 5s, metadata: { region: eu, version: '0.9' } }",
        "  rate_limiter:",
        "    default_rate: 4",
        "    per: 2",
      ].join("\n"),
    );
    const file = terminal.write(
      "kstlib.conf.yml",
      [
        "include: base/base.yml",
        "common: &common",
        "  max_failures: 9",
        "resilience:",
        "  circuit_breaker:",
        "    <<: *common",
        "    reset_timeout: 10s",
        "    instances:",
        "      api: { max_failures: 3 }",
        "  rate_limiter: { rate: 6 }",
        "  heartbeat:",
        "    metadata:",
        "      version: '1.0'",
      ].join("\n"),
    );
    const values = await shown(terminal);
    const expected: [string, unknown, Origin | null][] = [
      ["circuit_breaker.max_failures", 9, { file, line: 3, column: 3 }],
      ["circuit_breaker.reset_timeout", "10s", { file, line: 7, column: 5 }],
      ["circuit_breaker.half_open_max_calls", 1, null],
      ["circuit_breaker.api.max_failures", 3, { file, line: 9, column: 14 }],
      ["circuit_breaker.api.reset_timeout", "10s", { file, line: 7, column: 5 }],
      ["rate_limiter.rate", 6, { file, line: 10, column: 19 }],
      ["rate_limiter.per", 2, { file: base, line: 5, column: 5 }],
      ["heartbeat.interval", "5s", { file: base, line: 2, column: 16 }],
      ["heartbeat.metadata.region", "eu", { file: base, line: 2, column: 42 }],
      ["heartbeat.metadata.version", "1.0", { file, line: 13, column: 7 }],
    ];
    for (const [option, value, origin] of expected)
      expect(values.get(option), option).toEqual({ value, origin });
    terminal.stdout.text = "";
    await terminal.run("config", "show");
    expect(terminal.stdout.text).toContain(`${file}\n  includes ${path.join("base", "base.yml")}\n`);
    expect(terminal.stdout.text).toMatch(
      /\n {2}api\n {4}max_failures +3 +kstlib\.conf\.yml:9\n {4}reset_timeout +10s +kstlib\.conf\.yml:7\n\n/,
    );
    expect(terminal.stdout.text).toMatch(/metadata\.version +"1\.0" +kstlib\.conf\.yml:13/);
  });

  test("knows the line of every option, by each of its names, in a section and in an instance", async () => {
    const terminal = new FakeTerminal();
    for (const { section, option, name, alias, rule } of OPTIONS) {
      const { example = "" } = meanings[section]?.options[option] ?? {};
      const value = rule.fallback === undefined ? example : flowYaml(rule.fallback);
      const key = toSnakeCase(section);
      for (const written of [name, alias ?? name]) {
        const line = `${written}: ${value}`;
        terminal.write(
          "kstlib.conf.yml",
          `resilience:\n  ${key}:\n    ${line}\n    instances:\n      one:\n        ${line}\n`,
        );
        const values = await shown(terminal);
        // Of a value with parts: each of them.
        const lineOf = (full: string): number | undefined =>
          [...values].find(([found]) => found === full || found.startsWith(`${full}.`))?.[1].origin?.line;
        expect(lineOf(`${key}.${name}`), written).toBe(3);
        expect(lineOf(`${key}.one.${name}`), written).toBe(6);
      }
    }
  });

  test("knows the lines of what stands by its name alone", async () => {
    const terminal = new FakeTerminal();
    terminal.write(
      "kstlib.conf.yml",
      "resilience:\n  pipelines:\n    api:\n      timeout: 2s\n      retry: { attempts: 5 }\n",
    );
    const values = await shown(terminal);
    expect(values.get("pipelines.api.timeout")).toMatchObject({ value: "2s", origin: { line: 4 } });
    expect(values.get("pipelines.api.retry.attempts")).toMatchObject({ value: 5, origin: { line: 5 } });
    expect(values.get("pipelines.timeout")).toBeUndefined();
  });

  test("finds the file as loadConfig does: argument, --path, $KSTLIB_CONFIG, --cwd", async () => {
    const terminal = new FakeTerminal();
    const text = (timeout: number): string => `resilience: { watchdog: { timeout: ${timeout} } }`;
    terminal.write("a.yml", text(11));
    terminal.write("b.yml", text(12));
    terminal.write("sub/kstlib.conf.yml", text(13));
    const timeout = async (...args: string[]): Promise<unknown> =>
      (await shown(terminal, ...args)).get("watchdog.timeout")?.value;
    expect(await timeout("a.yml")).toBe(11);
    expect(await timeout("--path", "b.yml")).toBe(12);
    expect(await timeout("--cwd", "sub")).toBe(13);
    expect(await timeout("--cwd", "sub", "../a.yml")).toBe(11);
    terminal.env["KSTLIB_CONFIG"] = "b.yml";
    expect(await timeout()).toBe(12);
    expect(await timeout("a.yml")).toBe(11);
    expect(await terminal.run("config", "show", "a.yml", "--path", "b.yml")).toBe(2);
    expect(terminal.stderr.text).toContain("expected one file; got a.yml, b.yml");
  });

  test("of a file that cannot be used says why, with exit code 2", async () => {
    const terminal = new FakeTerminal();
    const file = terminal.write("bad.yml", "resilience:\n  watchdgo: {}\n");
    expect(await terminal.run("config", "show", "bad.yml")).toBe(2);
    expect(terminal.stderr.text).toBe(
      `${file}:2:3: resilience.watchdgo is not a known key; did you mean watchdog?\n`,
    );
    expect(terminal.stdout.text).toBe("");
  });

  test("does to the terminal nothing that a file asks for", async () => {
    const terminal = new FakeTerminal();
    terminal.write("bad.yml", String.raw`resilience: { "a\e[2J": 1 }`);
    expect(await terminal.run("config", "show", "bad.yml")).toBe(2);
    expect(await terminal.run("config", "validate", "bad.yml")).toBe(1);
    expect(terminal.stderr.text).not.toMatch(/[^\P{C}\n]/u);
    terminal.write(
      "kstlib.conf.yml",
      String.raw`resilience: { heartbeat: { metadata: { "a\e[2J": "b\e[2J\u202E" } } }`,
    );
    await terminal.run("config", "show");
    await terminal.run("config", "show", "--json");
    expect(terminal.stdout.text).toContain("metadata");
    expect(terminal.stdout.text).not.toMatch(/[^\P{C}\n]/u);
  });
});

describe("config validate", () => {
  test("says ok, and how many files it has read", async () => {
    const terminal = new FakeTerminal();
    terminal.write("base.yml", "resilience: {}\n");
    const file = terminal.write("kstlib.conf.yml", "include: base.yml\n");
    expect(await terminal.run("config", "validate")).toBe(0);
    expect(terminal.stdout.text).toBe(`ok: ${file} and the 1 that it includes\n`);
  });

  test("prints every mistake, even more than ten, with its place, path, the value found and the values allowed", async () => {
    const terminal = new FakeTerminal();
    const instances = Array.from({ length: 12 }, (_, index) => `        i${index}: { max_failures: 0 }`);
    const file = terminal.write(
      "kstlib.conf.yml",
      [
        "resilience:",
        "  heartbeat: { intervall: 3 }",
        "  circuit_breaker:",
        "    instances:",
        ...instances,
      ].join("\n"),
    );
    expect(await terminal.run("config", "validate")).toBe(1);
    const lines = terminal.stderr.text.trimEnd().split("\n");
    expect(lines).toHaveLength(13);
    expect(lines[0]).toBe(
      `${file}:2:16: resilience.heartbeat.intervall is not a known key; did you mean interval?`,
    );
    expect(lines[12]).toBe(
      `${file}:16:30: resilience.circuit_breaker.instances.i11.max_failures must be a whole number of at least 1; got 0.`,
    );
    expect(terminal.stdout.text).toBe("");
  });

  test("refuses a pipeline that names what is not there, at its place", async () => {
    const terminal = new FakeTerminal();
    const file = terminal.write(
      "kstlib.conf.yml",
      "resilience:\n  retry: { instances: { patient: {} } }\n  pipelines:\n    api: { retry: patiant }\n",
    );
    expect(await terminal.run("config", "validate")).toBe(1);
    expect(terminal.stderr.text).toBe(
      `${file}:4:19: resilience.pipelines.api.retry must be a name in resilience.retry.instances of the configuration; got "patiant"; did you mean patient?\n`,
    );
  });

  test("of a file whose slip leaves nothing to be read has mistakes: exit code 1", async () => {
    for (const [text, message] of [
      ["resiliance: {}", "resiliance is not read; did you mean resilience?"],
      ["kstlib_resilience: {}", "kstlib_resilience is not read; did you mean resilience?"],
      ["shutdown: {}", "shutdown is not read; sections belong under the key resilience."],
    ] as const) {
      const terminal = new FakeTerminal();
      const file = terminal.write("kstlib.conf.yml", text);
      expect(await terminal.run("config", "validate")).toBe(1);
      expect(terminal.stderr.text).toBe(`warning: ${file}:1:1: ${message}\nnothing in ${file} is read\n`);
      expect(terminal.stdout.text).toBe("");
    }
  });

  test("warns of a likely mistake in a file that it reads", async () => {
    const terminal = new FakeTerminal();
    const file = terminal.write("kstlib.conf.yml", "resilience: {}\nwatchdog: { timeout: 5 }\n");
    expect(await terminal.run("config", "validate")).toBe(0);
    expect(terminal.stderr.text).toBe(
      `warning: ${file}:2:1: watchdog is not read; sections belong under the key resilience.\n`,
    );
    expect(terminal.stdout.text).toBe(`ok: ${file}\n`);
  });

  test("warns of a part of a pipeline that can never act, at its place: exit code 0", async () => {
    const terminal = new FakeTerminal();
    const base = terminal.write(
      "base.yml",
      "resilience: { timeout: { instances: { slow: { timeout: 20s } } }, pipelines: { shop: { timeout: slow } } }\n",
    );
    const file = terminal.write(
      "kstlib.conf.yml",
      [
        "include: base.yml",
        "resilience:",
        "  circuit_breaker: { instances: { redis: { shared: true } } }",
        "  pipelines:",
        "    shop: { total_timeout: 10s }",
        "    api:",
        "      total_timeout: 10s",
        "      retry: { delay: 30s }",
        "      circuit_breaker: true",
        "    well: { total_timeout: 10s, retry: true, circuit_breaker: true, timeout: 2s }",
        "    cart: { circuit_breaker: redis }",
        "    later: {}",
      ].join("\n"),
    );
    expect(await terminal.run("config", "validate")).toBe(0);
    const api = 'timeout "api-total" (10s)';
    expect(terminal.stderr.text.split("\n")).toEqual([
      `warning: ${base}:1:88: pipeline "shop": timeout "slow" (20s) has no effect: timeout "shop-total" (10s), which is outside of it, is not longer.`,
      `warning: ${file}:8:7: pipeline "api": retry "api" never repeats a call: its delay of 30s or more does not fit into ${api}.`,
      `warning: ${file}:9:7: pipeline "api": circuit breaker "api" does not notice a service that hangs: ${api}, which is outside of it, ends such a call first, as a caller that gives up would. Put a shorter timeout inside of it.`,
      `warning: ${file}:11:5: pipeline "cart" cannot be made of the configuration alone: CircuitBreaker "redis" is shared: true in the configuration, but would count for this process alone. Make it by useRedis of @kstlib/resilience/redis, or take shared out of the configuration.`,
      `warning: ${file}:12:5: pipeline "later" cannot be made of the configuration alone: pipeline "later" needs at least one policy; got none.`,
      "",
    ]);
    expect(terminal.stdout.text).toBe(`ok: ${file} and the 1 that it includes\n`);
  });

  test("has nothing to say of a file that is not there: exit code 2", async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run("config", "validate")).toBe(2);
    expect(terminal.stderr.text).toContain("there is no configuration file; the defaults apply");
    expect(await terminal.run("config", "validate", "none.yml")).toBe(2);
    expect(terminal.stderr.text).toContain("none.yml: the configuration cannot be read: no such file");
  });
});

describe("config init", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** The next text is written in part only. */
  function fillDisk(): void {
    const write = fs.writeFileSync;
    vi.spyOn(fs, "writeFileSync").mockImplementationOnce((file, _, options) => {
      write(file, "a part", options);
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    });
  }

  test("writes a file that holds and says nothing but the defaults", async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run("config", "init")).toBe(0);
    const file = path.join(terminal.cwd, "kstlib.conf.yml");
    expect(terminal.stdout.text).toBe(`wrote ${file}\n`);
    const config = loadConfig({ path: file });
    expect(Object.keys(sections)).toEqual(expect.arrayContaining(Object.keys(config)));
    for (const section of Object.values(config)) expect(section).toEqual({});
    expect(await terminal.run("config", "validate")).toBe(0);
  });

  test("writes every option, and each of them uncommented holds and is the default", async () => {
    const terminal = new FakeTerminal();
    const text = starterFile().replaceAll(/^( +)# (?=\w+: )(?!include)/gm, "$1");
    const config = loadConfig({ path: terminal.write("all.yml", text) });
    for (const { section, option, rule, name } of OPTIONS) {
      const value: unknown = Reflect.get(Object(Reflect.get(config, section)) as object, option);
      expect(value, name).toBeDefined();
      expect([undefined, value], name).toContainEqual(rule.fallback);
    }
  });

  test("holds with its examples of instances too", async () => {
    const terminal = new FakeTerminal();
    const text = starterFile().replaceAll(/^( +)# (?=instances:| +\S+: \{)/gm, "$1");
    const config = loadConfig({ path: terminal.write("instances.yml", text) });
    expect(config.circuitBreaker?.instances).toEqual({
      "payment-api": { maxFailures: 3, resetTimeout: "10s" },
    });
    expect(config.rateLimiter?.instances).toEqual({ exchange: { rate: 1200, per: "1m", burst: 50 } });
    expect(config.pipelines).toMatchObject({
      "payment-api": { totalTimeout: "10s", retry: { attempts: 3 } },
    });
  });

  test.each(OPTIONS)("says what $section $option is for", ({ section, option, rule }) => {
    const meaning = meanings[section]?.options[option];
    expect(meaning?.means).toMatch(/^\S.*[^.]$/);
    expect(rule.fallback === undefined).toBe(meaning?.example !== undefined);
  });

  test("writes over nothing without --force", async () => {
    const terminal = new FakeTerminal();
    const file = terminal.write("kstlib.conf.yml", "mine");
    expect(await terminal.run("config", "init")).toBe(2);
    expect(terminal.stderr.text).toContain(`${file} already exists; --force overwrites it`);
    expect(fs.readFileSync(file, "utf8")).toBe("mine");
    expect(await terminal.run("config", "init", "--force")).toBe(0);
    expect(fs.readFileSync(file, "utf8")).toBe(starterFile());
  });

  test("leaves no file behind on a full disk", async () => {
    const terminal = new FakeTerminal();
    fillDisk();
    expect(await terminal.run("config", "init")).toBe(2);
    expect(terminal.stderr.text).toContain("ENOSPC: no space left on device");
    expect(fs.readdirSync(terminal.cwd)).toEqual([]);
    expect(await terminal.run("config", "init")).toBe(0);
  });

  test.each([
    ["a short file", "mine"],
    ["a long file", "# mine\n".repeat(10_000)],
  ])("keeps %s on a full disk, in spite of --force", async (_, text) => {
    const terminal = new FakeTerminal();
    const file = terminal.write("kstlib.conf.yml", text);
    fillDisk();
    expect(await terminal.run("config", "init", "--force")).toBe(2);
    expect(terminal.stderr.text).toContain("ENOSPC: no space left on device");
    expect(fs.readFileSync(file, "utf8")).toBe(text);
    expect(await terminal.run("config", "init", "--force")).toBe(0);
    expect(fs.readFileSync(file, "utf8")).toBe(starterFile());
    expect(fs.readdirSync(terminal.cwd)).toEqual(["kstlib.conf.yml"]);
  });

  test.skipIf(process.platform === "win32")(
    "with --force keeps a link, and the mode of its target",
    async () => {
      const terminal = new FakeTerminal();
      const target = terminal.write("target.yml", "mine");
      fs.chmodSync(target, 0o640);
      fs.symlinkSync("target.yml", path.join(terminal.cwd, "kstlib.conf.yml"));
      fs.symlinkSync("new.yml", path.join(terminal.cwd, "other.yml"));
      expect(await terminal.run("config", "init", "--force")).toBe(0);
      expect(await terminal.run("config", "init", "other.yml", "--force")).toBe(0);
      expect(fs.readFileSync(target, "utf8")).toBe(starterFile());
      expect(fs.statSync(target).mode & 0o777).toBe(0o640);
      expect(fs.readFileSync(path.join(terminal.cwd, "new.yml"), "utf8")).toBe(starterFile());
    },
  );

  test("writes to the named file, or to stdout", async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run("config", "init", "other.yml")).toBe(0);
    expect(fs.readdirSync(terminal.cwd)).toEqual(["other.yml"]);
    terminal.stdout.text = "";
    expect(await terminal.run("config", "init", "-")).toBe(0);
    expect(terminal.stdout.text).toBe(starterFile());
    expect(await terminal.run("config", "init", "missing/other.yml")).toBe(2);
    expect(terminal.stderr.text).toContain("missing is not a folder");
  });
});

describe("config schema", () => {
  test("prints the schema that the package has", async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run("config", "schema")).toBe(0);
    expect(JSON.parse(terminal.stdout.text)).toMatchObject({ title: "kstlib.conf.yml" });
  });
});
