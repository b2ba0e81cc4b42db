import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";

interface Result {
  readonly result: string;
  readonly why?: string;
}
interface Capability {
  readonly id: string;
  readonly title: string;
  readonly area: string;
}
interface Runtime {
  readonly family: string;
  readonly version: string;
  readonly title: string;
}

const folder = path.resolve(import.meta.dirname, "../matrix");
const load = (name: string): Promise<unknown> => import(pathToFileURL(path.join(folder, name)).href);

const { CAPABILITIES } = (await load("capabilities.mjs")) as { CAPABILITIES: readonly Capability[] };
const { EXPECTED, expectationOf } = (await load("expectations.mjs")) as {
  EXPECTED: Readonly<Record<string, Readonly<Record<string, Result>>>>;
  expectationOf: (capability: string, runtime: Runtime) => Result;
};
const { BEGIN, DOCUMENT, END, tableOf } = (await load("document.mjs")) as {
  BEGIN: string;
  DOCUMENT: string;
  END: string;
  tableOf: (
    runtimes: readonly Runtime[],
    capabilities: readonly Capability[],
    resultOf: (capability: Capability, runtime: Runtime) => Result,
  ) => string;
};

/** The cells of each line of a table; what is not of the table is a line of its own. */
function cellsOf(text: string): readonly (readonly string[])[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\|[\s:|-]+\|$/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));
}

describe("the table of the runtimes", () => {
  const text = fs.readFileSync(DOCUMENT, "utf8");
  const table = text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END));
  const [titles = []] = cellsOf(table.slice(table.indexOf("|")));
  const runtimes = titles.flatMap((title) => {
    const [, family = "", version = ""] = /^(\w+) (\d\S*)$/.exec(title) ?? [];
    return family === "" ? [] : [{ family: family.toLowerCase(), version, title }];
  });

  test("has a column for each runtime that is tested", () => {
    const columns = runtimes.map(({ family, version }) => `${family}@${version.split(".")[0]}`);
    expect(columns).toEqual(expect.arrayContaining(["node@22", "node@24", "node@26"]));
    expect(runtimes.map(({ family }) => family)).toEqual(expect.arrayContaining(["bun", "deno"]));
  });

  test("gives the result and the reason for each capability on each runtime", () => {
    const known = tableOf(runtimes, CAPABILITIES, ({ id }, runtime) => expectationOf(id, runtime));
    expect(cellsOf(table.slice(table.indexOf("|")))).toEqual(cellsOf(known));
  });

  test("explains everything: each known inability or limit is of a capability, with its reason", () => {
    const ids = CAPABILITIES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [id, runtimesOf] of Object.entries(EXPECTED)) {
      expect(ids).toContain(id);
      for (const [runtime, { result, why }] of Object.entries(runtimesOf)) {
        expect(runtime).toMatch(/^(?:node|bun|deno)(?:@\d+)?$/);
        expect(["yes", "no", "n.a."]).toContain(result);
        expect(why).toMatch(/\w/);
      }
    }
  });
});
