import fs from "node:fs";
import { pathToFileURL } from "node:url";
import vm from "node:vm";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/index.js";
import { configure } from "../../src/configure.js";
import { pushConfiguration } from "../../src/kernel/configured.js";
import { section } from "../../src/heartbeat/descriptor.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { heartbeatRules } from "../../src/heartbeat/options.js";
import { temporaryFolder } from "./folder.js";

const circular: Record<string, unknown> = {};
circular["self"] = circular;

const notFunctions = [null, 0, "log", {}, true];
const badDurations = [
  Number.NaN,
  Infinity,
  -1,
  0,
  1e9,
  30_000,
  "10",
  "",
  "1 s",
  "-1s",
  "0s",
  null,
  {},
  [],
  true,
];
/** A list inside a list, and so on, and all of it in an object. */
function nested(lists: number): object {
  let inner: unknown[] = [];
  for (let depth = 1; depth < lists; depth++) inner = [inner];
  return { inner };
}

const bad: Record<string, readonly unknown[]> = {
  name: [null, "", 0, Number.NaN, {}, [], true],
  stateFile: [null, "", "a\0b", 0, Number.NaN, {}, true, new URL("http://host/a"), new URL("file:///a%2Fb")],
  interval: [...badDurations, 5e-324, 0.0009, "0.9ms", "366d"],
  metadata: [
    null,
    0,
    "x",
    true,
    [],
    circular,
    { n: 1n },
    new Date(0),
    { text: "x".repeat(1_000_001) },
    // Less than that in UTF-8, and more as the file has it.
    { text: "é".repeat(200_000) },
    nested(100),
    nested(5000),
    nested(100_000),
    { toJSON: () => undefined },
    new Map([["a", 1]]),
    new Set(),
    new Error("x"),
    Promise.resolve({}),
    { list: [{ orders: new Map() }] },
    { lastError: new Error("x") },
    new (class Own {
      readonly secret = 1;
    })(),
  ],
  target: [null, 0, "x", true, {}, { isdead: true }, []],
  onTargetDead: notFunctions,
  onBeat: notFunctions,
  onMissedBeat: notFunctions,
  onAlert: notFunctions,
  drainOn: [null, 0, "x", {}, new AbortController(), { aborted: false }],
  systemd: [null, 0, 1, "true", "auto", {}],
  fsync: [null, 0, 1, "true", {}],
  // Octal digits as a decimal number, more than reading for others, and less than its owner needs.
  mode: [
    null,
    600,
    644,
    400,
    444,
    0o666,
    0o660,
    0o622,
    0o700,
    0o444,
    0o200,
    0,
    -1,
    420.5,
    "644x",
    "0x1a4",
    "0666",
    "",
    {},
    true,
  ],
  sinks: [null, 0, "redis", {}, { write() {} }, [null], [{}], [{ write: 1 }], ["redis"], new Set()],
  clock: [null, 0, "x", {}, Date, { now: () => 0 }],
};

/** Makes the text of a configuration file the process-wide default until the end of the block. */
function useFile(text: string): Disposable {
  const file = path.join(temporaryFolder(), "kstlib.conf.yml");
  fs.writeFileSync(file, text);
  return configure(loadConfig({ path: file, env: {} }));
}

describe("an option of a heartbeat", () => {
  test("of every name is in the table of bad input", () => {
    expect(Object.keys(bad).toSorted()).toEqual(Object.keys(heartbeatRules).toSorted());
  });

  const rows = Object.entries(bad).flatMap(([option, values]) =>
    values.map((value): [string, unknown] => [option, value]),
  );
  test.each(rows)("%s is refused by its name (%#)", (option, value) => {
    let error: unknown;
    try {
      void new Heartbeat({ [option]: value });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toSatisfy((found) => found instanceof TypeError || found instanceof RangeError);
    expect(error).toHaveProperty("message", expect.stringMatching(new RegExp(`^${option}\\b`)));
  });

  test("with an unknown name is refused, and the nearest name suggested", () => {
    expect(() => new Heartbeat({ ["state_file"]: "a" } as object)).toThrow(/did you mean stateFile/);
    expect(() => new Heartbeat({ ["maxAge"]: 3 } as object)).toThrow(
      new TypeError(
        "maxAge is not an option of Heartbeat; allowed are name, stateFile, sinks, interval, metadata, target, onTargetDead, onBeat, onMissedBeat, onAlert, drainOn, systemd, fsync, mode, clock",
      ),
    );
  });

  test.each([null, 5, "x", []])("cannot be given in %j instead of an object", (options) => {
    expect(() => new Heartbeat(options as object)).toThrow(TypeError);
  });

  test("that is undefined has its default", () => {
    const undefinedOptions = Object.fromEntries(Object.keys(heartbeatRules).map((key) => [key, undefined]));
    expect(new Heartbeat(undefinedOptions).snapshot()).toEqual(new Heartbeat().snapshot());
    expect(new Heartbeat().snapshot()).toEqual({
      kind: "heartbeat",
      name: "heartbeat",
      isRunning: false,
      status: "starting",
      stateFile: null,
      interval: 10,
      beats: 0,
      missedBeats: 0,
      lastBeat: null,
      lastError: null,
      isTargetDead: false,
    });
  });

  test("for the metadata may contain objects with a toJSON", async () => {
    const bare = Object.assign(Object.create(null), { bare: true });
    const metadata = {
      started: new Date(0),
      url: new URL("http://host/a"),
      own: { toJSON: () => ({ a: 1 }) },
      bare,
    };
    const states: unknown[] = [];
    const heartbeat = new Heartbeat({ metadata, onBeat: (state) => states.push(state.metadata) });
    await heartbeat.beat();
    expect(states).toEqual([
      {
        started: "1970-01-01T00:00:00.000Z",
        url: "http://host/a",
        own: { a: 1 },
        bare: { bare: true },
      },
    ]);
    expect(() => new Heartbeat({ metadata: vm.runInNewContext("({ a: [1] })") as object })).not.toThrow();
    expect(() => new Heartbeat({ metadata: bare as object })).not.toThrow();
  });

  test("for the signal of a shutdown may be an AbortSignal of another realm or library", async () => {
    const { signal } = new AbortController();
    const foreign = {
      aborted: false,
      addEventListener: signal.addEventListener.bind(signal),
      removeEventListener: signal.removeEventListener.bind(signal),
    } as AbortSignal;
    const heartbeat = new Heartbeat({ drainOn: foreign });
    heartbeat.start();
    signal.dispatchEvent(new Event("abort"));
    expect(heartbeat.snapshot().status).toBe("draining");
    await heartbeat.stop();
  });

  test("for the time between two beats is from 1 ms to 365 days, in any notation", () => {
    for (const interval of [0.001, "1ms", "365d", "8760h"] as const) {
      expect(() => new Heartbeat({ interval })).not.toThrow();
    }
    expect(() => new Heartbeat({ interval: 5e-324 })).toThrow(
      new RangeError("interval must be a duration from 1ms to 365d; got 5e-324."),
    );
    expect(() => new Heartbeat({ interval: "366d" })).toThrow(
      new RangeError('interval must be a duration from 1ms to 365d; got "366d".'),
    );
  });

  test("for the state file may be a relative path or a file URL", () => {
    const absolute = path.resolve("state/a b.heartbeat");
    expect(new Heartbeat({ stateFile: "state/a b.heartbeat" }).snapshot().stateFile).toBe(absolute);
    expect(new Heartbeat({ stateFile: pathToFileURL(absolute) }).snapshot().stateFile).toBe(absolute);
  });

  test("for the mode of the file is a number or its octal digits, in code and in a configuration file", () => {
    const mode = (text: string): unknown => {
      using config = useFile(`resilience: { heartbeat: { mode: ${text} } }`);
      return config === undefined ? undefined : new Heartbeat({ stateFile: "a" }).freezeLink?.mode;
    };
    for (const [text, bits] of [
      ['"0644"', 0o644],
      ["'640'", 0o640],
      ['"0o604"', 0o604],
      ["0o600", 0o600],
    ] as const) {
      expect(mode(text)).toBe(bits);
      expect(new Heartbeat({ stateFile: "a", mode: bits }).freezeLink?.mode).toBe(bits);
    }
    // Decimal to YAML.
    for (const text of ["644", "400"]) expect(() => mode(text)).toThrow(/mode must be 0o600.* got \d+\./);
    expect(() => mode("0644")).toThrow(/mode: 0644 is 644 to some readers of YAML .* "0644" for a text\./);
    expect(new Heartbeat({ stateFile: "a" }).freezeLink?.mode).toBe(0o600);
  });

  test("for the metadata may be 100 deep and a million bytes long, as written to the file", async () => {
    const stateFile = path.join(temporaryFolder(), "a.heartbeat");
    for (const metadata of [nested(99), { text: "é".repeat(166_000) }]) {
      await new Heartbeat({ stateFile, metadata }).beat();
      expect((await Heartbeat.readState(stateFile))?.metadata).toEqual(metadata);
    }
  });

  test("comes from the configuration unless it is given in code", () => {
    using _configuration = pushConfiguration({
      heartbeat: { interval: "5s", stateFile: "/run/a", instances: { bot: { stateFile: "/run/bot" } } },
    });
    expect(new Heartbeat().snapshot()).toMatchObject({ interval: 5, stateFile: path.resolve("/run/a") });
    expect(new Heartbeat({ name: "bot", interval: 1 }).snapshot()).toMatchObject({
      interval: 1,
      stateFile: path.resolve("/run/bot"),
    });
  });

  test("can be written in a file as described by the schema", () => {
    const inFile = Object.entries(section.rules).filter(([, rule]) => rule.file !== undefined);
    expect(Object.fromEntries(inFile.map(([key, rule]) => [key, rule.file?.kind]))).toEqual({
      stateFile: "text",
      interval: "duration",
      metadata: "record",
      systemd: "boolean",
      fsync: "boolean",
      mode: "either",
    });
  });
});

describe("an argument of a reader", () => {
  const paths = bad["stateFile"] ?? [];
  test.each(paths.map((value) => [value]))("file is refused by its name (%#)", async (value) => {
    const file = value as string;
    await expect(Heartbeat.readState(file)).rejects.toThrow(/^file must be/);
    await expect(Heartbeat.check(file)).rejects.toThrow(/^file must be/);
    await expect(Heartbeat.isAlive(file)).rejects.toThrow(/^file must be/);
    expect(() => Heartbeat.readStateSync(file)).toThrow(/^file must be/);
    expect(() => Heartbeat.checkSync(file)).toThrow(/^file must be/);
    expect(() => Heartbeat.isAliveSync(file)).toThrow(/^file must be/);
  });

  const options: [string, unknown][] = [
    ...badDurations.map((value): [string, unknown] => ["maxAge", value]),
    ...(bad["clock"] ?? []).map((value): [string, unknown] => ["clock", value]),
    ["maxage", 5],
  ];
  test.each(options)("%s is refused by its name (%#)", async (option, value) => {
    const given = { [option]: value };
    const named = new RegExp(`^${option}\\b`);
    await expect(Heartbeat.check("missing", given)).rejects.toThrow(named);
    await expect(Heartbeat.isAlive("missing", given)).rejects.toThrow(named);
    expect(() => Heartbeat.checkSync("missing", given)).toThrow(named);
    expect(() => Heartbeat.isAliveSync("missing", given)).toThrow(named);
  });
});
