import { execFile, type ExecFileException } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = path.join(root, "examples/migrating");
const pages = path.join(root, "docs/migrating");
const LIMIT_MS = 60_000;

/** A line that both programs of a package print, which only the real packages can lead to. */
const CLAIMS: Readonly<Record<string, RegExp>> = {
  bottleneck:
    /^7 refused: true 8 refused: true\n1 2 3 4 5 6 at most 2 at once\nin order: 1 2 3 4 5 6 none .* true$/m,
  "close-with-grace": /^(SIGTERM|nobody caught this)\nserver closed\ndatabase closed$/m,
  cockatiel: /^timed out\nretry 1\n.*\nretry 2\n.*\nopen\ncall: reset\ncall: refused\nhalf-open\n/m,
  "express-rate-limit": /^\/ 200 .*left: 0, wait: false\n\/ 429 .*left: 0, wait: true\n\/health 200/m,
  lightship: /^ready: true true\ndraining: false\njob done\nconsumer stopped\ndatabase closed$/m,
  limiter: /^taken: true false true\nleft: 0 wait: true\nin order: 1 2 3 4 5 6$/m,
  opossum: /^open\nold price of BTC\nrefused: BTC\nhalf-open\nopen\n.*\nhalf-open\nclosed\n/m,
  "p-retry": /^\/busy at attempt 3\n(?:attempt .*\n){4}\/down: 503\n\/missing: 404$/m,
  "rate-limiter-flexible": /^ada: refused, blocked: true\nbob: admitted, 2 left\nbob: refused/m,
  terminus: /^draining: 503\nslow request: done\nserver closed, database closed\nbye$/m,
};

/** Those that signal themselves, which ends a process of Windows at once. */
const SIGNALLED: ReadonlySet<string> = new Set(["close-with-grace", "lightship", "terminus"]);

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

function run(program: string, variant: string): Promise<Run> {
  return new Promise((resolve) => {
    const ended = (error: ExecFileException | null, stdout: string, stderr: string): void => {
      const code = error?.signal === "SIGTERM" ? 143 : Number(error?.code ?? 0);
      resolve({ stdout, stderr, code });
    };
    execFile(
      process.execPath,
      [program, variant],
      { cwd: root, timeout: LIMIT_MS, killSignal: "SIGKILL" },
      ended,
    );
  });
}

const names = fs.readdirSync(folder).toSorted();

describe("the programs before and after", () => {
  test("are there for each package, with a page and a claim", () => {
    expect(names).toEqual(Object.keys(CLAIMS).toSorted());
    const written = fs.readdirSync(pages).filter((page) => page !== "README.md");
    expect(written.toSorted()).toEqual(names.map((name) => `${name}.md`));
    const contents = fs.readFileSync(path.join(pages, "README.md"), "utf8");
    for (const name of names) expect(contents).toContain(`(${name}.md)`);
  });

  const runs: readonly (readonly [name: string, variant: string])[] = [
    ...names.map((name) => [name, "plain"] as const),
    ["close-with-grace", "error"],
  ];
  const here = runs.filter(([name]) => process.platform !== "win32" || !SIGNALLED.has(name));
  test.concurrent.each(here)("print the same: %s, %s", { timeout: LIMIT_MS * 2 }, async (name, variant) => {
    const [before, after] = await Promise.all([
      run(path.join(folder, name, "before.mjs"), variant),
      run(path.join(folder, name, "after.mjs"), variant),
    ]);
    expect(before.stdout, before.stderr).toMatch(CLAIMS[name] ?? "no claim");
    expect(after.stdout, after.stderr).toBe(before.stdout);
    // lightship ends with 1 when the process does not end by itself within a second.
    expect(after.code).toBe(name === "lightship" ? 0 : before.code);
  });

  test.each(names)("%s: one uses the other package, one this package, and both are short", (name) => {
    const [before, after] = ["before.mjs", "after.mjs"].map((file) =>
      fs.readFileSync(path.join(folder, name, file), "utf8"),
    );
    expect(before).toMatch(new RegExp(`from "(?:@godaddy/)?${name}"`));
    expect(before).not.toContain("@kstlib");
    expect(after).toMatch(/from "@kstlib\/resilience/);
    for (const text of [before, after]) expect(text?.split("\n").length).toBeLessThanOrEqual(41);
  });
});

describe("the pages", () => {
  const FENCE = /^```js no-check: part of (\S+)\n([^]*?)^```$/gm;

  test.each(names)("%s: show parts of the programs", (name) => {
    const text = fs.readFileSync(path.join(pages, `${name}.md`), "utf8");
    const parts = [...text.matchAll(FENCE)];
    expect(parts.map(([, file]) => file)).toEqual(["before.mjs", "after.mjs"]);
    for (const [, file = "", code = "none"] of parts)
      expect(fs.readFileSync(path.join(folder, name, file), "utf8")).toContain(code);
    // All other blocks are compiled and run as those of any page.
    expect(text.match(/^```.*no-check/gm)).toHaveLength(parts.length);
    expect(text.match(/^```\w+$/gm) ?? []).toHaveLength(name === "opossum" ? 1 : 0);
  });
});
