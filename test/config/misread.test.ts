import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { ConfigError, loadConfig } from "../../src/config/index.js";

const folder = mkdtempSync(path.join(tmpdir(), "kstlib-misread-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = path.join(folder, "kstlib.conf.yml");

function load(text: string | Buffer): ReturnType<typeof loadConfig> {
  writeFileSync(file, text);
  return loadConfig({ path: file, env: {} });
}

function refusal(text: string): string {
  try {
    load(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(`${file}:`, "");
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

const metadata = (value: string): string => `resilience: { heartbeat: { metadata: { v: ${value} } } }`;
const failures = (value: string): string => `resilience: { circuit_breaker: { max_failures: ${value} } }`;

afterEach(() => vi.restoreAllMocks());

describe("what YAML reads as something other than it looks is refused, with its place", () => {
  test.each([
    [
      "a tag of an environment variable",
      metadata("!env HOME"),
      /^1:48: .*metadata\.v: !env is an unknown tag: nothing is substituted/,
    ],
    [
      "a tag on a path",
      "resilience:\n  heartbeat:\n    state_file: !env X\n",
      /^3:22: resilience\.heartbeat\.state_file: !env is an unknown tag/,
    ],
    [
      "a tag on a mapping",
      "resilience: { heartbeat: !include { interval: 3 } }",
      /^1:35: resilience\.heartbeat: !include is/,
    ],
    [
      "a tag in a list",
      "resilience: { shutdown: { signals: [!sig SIGTERM] } }",
      /^1:42: .*signals\.0: !sig is/,
    ],
    ["a tag on include", "include: !env FILE", /^1:15: include: !env is/],
    [
      "a tag where an alias leads to",
      `x: &x !env HOME\n${metadata("*x")}`,
      /^1:12: resilience\.heartbeat\.metadata\.v: !env is/,
    ],
    [
      "a tag where a merge leads to",
      "x: &x { interval: !env I }\nresilience: { heartbeat: { <<: *x } }",
      /^1:24: resilience\.heartbeat\.<<\.interval: !env is/,
    ],
    [
      "a variable",
      "resilience:\n  heartbeat:\n    state_file: ${HOME}/x\n",
      /^3:17: resilience\.heartbeat\.state_file: \$\{HOME\} is not substituted\. Write the value itself, or set it in code/,
    ],
    [
      "a variable in quotes",
      metadata('"v${VERSION:-1}"'),
      /metadata\.v: \$\{VERSION:-1\} is not substituted/,
    ],
    [
      "a variable in braces, once",
      `resilience: { heartbeat: { interval: \${EVERY}, state_file: \${HOME}/x }, shutdown: {} }`,
      /^1:39: not valid YAML: \$\{…\} is not substituted\. Write the value itself, or set it in code.*$/,
    ],
    [
      "one of several mistakes in each line",
      "resilience:\n\thealth: { a: ]\n\tretry: {}\n",
      /^2:1: not valid YAML: Tabs [^\n]*\n3:1: not valid YAML: Tabs [^\n]*$/,
    ],
    ["a date by its tag", metadata("!!timestamp 2024-01-01"), /^1:55: .*!!timestamp is an unknown tag/],
    ["bytes", metadata("!!binary aGk="), /!!binary is/],
    ["a set", metadata("!!set { a, b }"), /!!set is/],
    [
      "a tag that does not fit its value",
      failures("!!float 3"),
      /^1:56: .*!!float does not fit 3; leave the tag out/,
    ],
    ["a boolean of an older YAML by its tag", metadata("!!bool yes"), /!!bool does not fit yes/],
    [
      "a number with a zero before it",
      failures("010"),
      /^1:48: .*max_failures: 010 is 10 to some readers of YAML and octal to others; write 10, or "010"/,
    ],
    ["such a number in metadata", metadata("007"), /007 is 7 to some/],
    [
      "an integer that loses digits",
      metadata("12345678901234567890"),
      /12345678901234567890 is too large to be read exactly/,
    ],
    [
      "a number with underscores",
      failures("1_000"),
      /max_failures must be a whole number of at least 1; got "1_000"/,
    ],
    [
      "a boolean of an older YAML",
      "resilience: { heartbeat: { fsync: yes } }",
      /^1:35: .*fsync must be true or false; got "yes"/,
    ],
    ["another one", "resilience: { heartbeat: { fsync: off } }", /must be true or false; got "off"/],
    [
      "minutes and seconds",
      "resilience: { heartbeat: { interval: 1:30 } }",
      /interval must be a duration above 0: .*; got "1:30"/,
    ],
    [
      "a home that is null",
      "resilience: { heartbeat: { state_file: ~ } }",
      /^1:40: .*state_file must be a path .*; got null/,
    ],
    [
      "somebody else's home",
      "resilience: { watchdog: { report_directory: ~root/x } }",
      /^1:45: .*not in another user's ~name\/.*got "~root\/x"/,
    ],
    [
      "a key that is a list",
      metadata("{ ? [a, b] : 1 }"),
      /^1:47: .*metadata\.v: a key must be a word; this is a collection/,
    ],
    ["a key that is nothing", metadata("{ ~: 1 }"), /a key must be a word; this is nothing/],
    ["an alias of nothing", metadata("*none"), /^1:43: \*none stands for nothing; &none must come before it/],
    [
      "a merge of nothing",
      "resilience:\n  heartbeat:\n    <<: 3\n",
      /^3:9: << merges mappings, and this is none/,
    ],
    ["a merge of a list of other things", "resilience: { heartbeat: { <<: [1] } }", /^1:32: << merges/],
    [
      "a key that stands twice",
      "resilience:\n  shutdown: {}\n  shutdown: {}\n",
      /^3:3: resilience\.shutdown stands here a second time/,
    ],
    ["a second document", "resilience: {}\n---\nresilience: {}\n", /^2:1: a second document begins here/],
    ["a tab", "resilience:\n\theartbeat: {}\n", /^2:1: not valid YAML: Tabs are not allowed/],
    [
      "a directive that nobody knows",
      "%FOO bar\n---\nresilience: {}\n",
      /^1:1: not valid YAML: Unknown directive %FOO/,
    ],
  ])("%s", (_, text, message) => {
    const told = vi.spyOn(process, "emitWarning");
    expect(refusal(text)).toMatch(message);
    expect(told).not.toHaveBeenCalled();
  });

  test("UTF-16, with advice", () => {
    expect(() => load(Buffer.from("\uFEFFresilience: {}", "utf16le"))).toThrow(
      "it is not UTF-8; save it as UTF-8",
    );
  });
});

describe("unambiguous text is read", () => {
  test.each([
    ["a text in quotes that looks like a number", metadata('"007"'), "007"],
    ["a variable in single quotes, as its text", metadata("'${HOME}'"), "${HOME}"],
    ["a number by its tag", metadata("!!int 7"), 7],
    ["a text by its tag", metadata("!!str 7"), "7"],
    ["a float by its tag", metadata("!!float 7.5"), 7.5],
    ["null", metadata("null"), null],
    ["an octal number of YAML 1.2", metadata("0o17"), 15],
    ["a fraction", metadata("0.5"), 0.5],
    ["zero", metadata("0"), 0],
    ["a number with an exponent", metadata("1e3"), 1000],
    ["a date, as its text", metadata("2024-01-01"), "2024-01-01"],
    ["a word that is a boolean in an older YAML, as its text", metadata("yes"), "yes"],
    ["a boolean of the YAML that the file names", `%YAML 1.1\n---\n${metadata("yes")}`, true],
    ["an alias", `x: &x [1, 2]\n${metadata("*x")}`, [1, 2]],
    ["a merge", `x: &x { a: 1 }\n${metadata("{ <<: *x, b: 2 }")}`, { a: 1, b: 2 }],
    ["a file with a byte order mark", `\uFEFF${metadata("1")}`, 1],
    [
      "a tag of another program under a key of its own",
      `other: !env HOME\nmore: [!x 010]\n${metadata("1")}`,
      1,
    ],
  ])("%s", (_, text, value) => {
    expect(load(text).heartbeat?.metadata).toEqual({ v: value });
  });

  test("~/ is the home folder where an option is a path", () => {
    const { heartbeat, watchdog } = load(
      "resilience: { heartbeat: { state_file: ~/app.heartbeat }, watchdog: { report_directory: ~/reports } }",
    );
    expect([heartbeat?.stateFile, watchdog?.reportDirectory]).toEqual(["~/app.heartbeat", "~/reports"]);
  });
});
