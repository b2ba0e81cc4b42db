import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { sections } from "../../src/all-sections.js";
import { ConfigError, loadConfig } from "../../src/config/index.js";
import { toSnakeCase } from "../../src/kernel/snake-case.js";
import { configure } from "../../src/configure.js";
import { sections as inCore } from "../../src/descriptors.js";
import type { FileShape } from "../../src/kernel/rules.js";

const folder = mkdtempSync(path.join(tmpdir(), "kstlib-keys-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What no option of a kind may be, as YAML. */
function badValues(shape: FileShape): string[] {
  const never = ["null", ".nan", ".inf", "-.inf", "[]", '"30"'];
  switch (shape.kind) {
    case "duration":
      return [
        ...never,
        "-1",
        "true",
        "{}",
        ...(shape.long ? [] : ["1e300"]),
        '"-5s"',
        '"5 parsecs"',
        '""',
        ...(shape.zero ? [] : ["0", '"0s"']),
      ];
    case "number":
      return [
        ...never.filter((value) => value !== ".inf" || shape.max < Infinity),
        "true",
        "{}",
        String(shape.min - 1),
        ...(shape.above ? [String(shape.min)] : []),
        ...(shape.integer ? ["1.5", "1e300"] : []),
      ];
    case "text":
    case "name":
      return ["null", "3", "[]", "{}", "true", '""'];
    case "boolean":
      return ["null", "0", "1", '"true"', "yes", "[]", "{}"];
    case "choice":
      return ["null", "3", '"no such word"', "[]", "{}", "true"];
    case "list":
      return ["null", "3", "{}", "true", "[3]", '["no such word"]'];
    case "record":
      return ["null", "3", "[]", '"text"', "true"];
    case "any":
      return [];
    case "either": {
      const takesTrue = shape.shapes.some(({ kind }) => kind === "boolean");
      return ["null", ".nan", "[]", ...(takesTrue ? ["false"] : ["true"]), "{ no_such_key: 3 }"];
    }
    case "object":
      return ["null", "3", "[]", '"text"', "true", "{ no_such_key: 3 }"];
  }
}

/** What is allowed where the shape alone does not say so. */
const ALLOWED = new Set(["channels: []", "protocols: []", "throttle: false"]);

const keys = Object.entries(sections).flatMap(([section, { rules }]) =>
  Object.entries(rules).flatMap(([key, rule]) =>
    rule.file === undefined ? [] : [{ section, key, shape: rule.file }],
  ),
);

describe("each key of the file refuses invalid values with an error that names it", () => {
  test.each(keys)("$section $key", ({ section, key, shape }) => {
    const name = toSnakeCase(key);
    for (const value of badValues(shape).filter((one) => !ALLOWED.has(`${key}: ${one}`))) {
      for (const where of ["section", "instance"] as const) {
        const isByName = sections[section]?.isByName ?? false;
        if (isByName && where === "section") continue;
        const instance = isByName ? "      some-name:\n" : "    instances:\n      some-name:\n";
        const lead = where === "section" ? "" : instance;
        const text = `resilience:\n  ${toSnakeCase(section)}:\n${lead}        ${name}: ${value}\n`;
        const file = path.join(folder, "kstlib.conf.yml");
        writeFileSync(file, text);
        let error: unknown;
        try {
          loadConfig({ path: file, env: {} });
        } catch (caught) {
          error = caught;
        }
        expect(error, `${name}: ${value} was accepted`).toBeInstanceOf(ConfigError);
        if (!(error instanceof ConfigError)) return;
        expect(error.keyPath).toContain(`.${name}`);
        expect(error.message).toContain(name);
        expect(error.message).toMatch(/got |is not a known key/);
        expect(error.line).toBe(lead.split("\n").length + 2);
        expect(error.column).toBeGreaterThan(8);
      }
    }
  });
});

describe("configure checks the same options in code", () => {
  const bad: readonly unknown[] = [Number.NaN, Number.POSITIVE_INFINITY, null, "30", [], Symbol("x")];
  const numbers = keys.filter(({ shape }) => shape.kind === "duration" || shape.kind === "number");
  // The parts outside the core check theirs when they are created.
  test.each(numbers.filter(({ section }) => Object.hasOwn(inCore, section)))(
    "$section $key",
    ({ section, key, shape }) => {
      const isUnlimited = shape.kind === "number" && shape.max === Infinity;
      for (const value of bad.filter((each) => each !== Infinity || !isUnlimited)) {
        expect(() => configure({ [section]: { [key]: value } }), String(value)).toThrow(`${section}.${key}`);
        expect(() => configure({ [section]: { instances: { a: { [key]: value } } } })).toThrow(
          `${section}.instances.a.${key}`,
        );
      }
    },
  );

  test("and refuses unknown names and wrong shapes at every level", () => {
    const refused = (config: unknown): void => expect(() => configure(config as object)).toThrow(TypeError);
    refused(null);
    refused([]);
    refused(3);
    refused({ circuitBraker: {} });
    refused({ circuitBreaker: null });
    refused({ circuitBreaker: { maxFailure: 3 } });
    refused({ circuitBreaker: { instances: [] } });
    refused({ circuitBreaker: { instances: { a: 3 } } });
    refused({ circuitBreaker: { instances: { a: { maxFailure: 3 } } } });
    refused({ circuitBreaker: { name: "x" } });
  });
});
