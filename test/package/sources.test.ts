import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

const sources = fs
  .readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => {
    const name = file.replaceAll("\\", "/");
    const text = fs.readFileSync(path.join(root, "src", file), "utf8");
    // What a comment or an example says is not done.
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
    return { name, text, code };
  });

/** The sources whose code matches, but for those that may. */
function offenders(pattern: RegExp, allowed: readonly string[] = []): readonly string[] {
  return sources
    .filter(({ name, code }) => pattern.test(code) && !allowed.includes(name))
    .map(({ name }) => name);
}

describe("the sources", () => {
  test("are found", () => {
    expect(sources.length).toBeGreaterThan(10);
  });

  test("print nothing", () => {
    expect(offenders(/\bconsole\s*\./)).toEqual([]);
  });

  test("end the process only in the injectable exit of a shutdown and of the watchdog", () => {
    const exits = ["shutdown/options.ts", "shutdown/end-process.ts", "watchdog/monitor/freeze-hook.ts"];
    expect(offenders(/\bprocess\s*\.\s*(?:exit|reallyExit|abort)\b/, exits)).toEqual([]);
  });

  test("use timers and clocks only in the real clock and that of the threads", () => {
    const clocks = /\b(?:Date\.now|performance\.now|setTimeout|setInterval|new Date\(\))\b/;
    expect(offenders(clocks, ["kernel/clock.ts", "kernel/time.ts", "process/thread-clock.ts"])).toEqual([]);
  });

  test("check no value against a class of their own realm, except where it does not matter", () => {
    // Our own errors are known by a registered symbol, whatever realm or build made them.
    const branded = [
      ...sources
        .map(({ code }) => code)
        .join()
        .matchAll(/\bbrandError\((\w+),/g),
    ].map(([, name]) => name);
    expect(branded.length).toBeGreaterThan(8);
    const dependent = new RegExp(
      `\\binstanceof (?!(?:${branded.join("|")})\\b)|\\.constructor\\b ===?|\\bisPrototypeOf\\b|[=!]==? \\w+\\.prototype\\b`,
    );
    const reasons = {
      "kernel/is-error.ts": "first, for errors that only inherit; others are known by their own text",
      "kernel/context.ts":
        "a class of its own; what others have made is read by its keys, as any options are",
      "circuit-breaker/guard.ts": "a shortcut: what is no promise of this realm is asked for its then",
      "kernel/error-matcher.ts": "the classes that the application has chosen, by the rule of the language",
      "shutdown/servers/connections.ts": "modules of Node's core are the same in all realms",
      "shutdown/servers/frameworks.ts": "modules of Node's core are the same in all realms",
      "heartbeat-file/read-file.ts": "a class of its own, which leaves the module nowhere",
    };
    expect(offenders(dependent, Object.keys(reasons))).toEqual([]);
    // A reason that nothing needs any more hides the next mistake.
    expect(Object.keys(reasons).filter((file) => !offenders(dependent).includes(file))).toEqual([]);
  });

  test("are short enough", () => {
    const long = sources
      .map(({ name, text }) => ({ name, lines: text.trimEnd().split("\n").length }))
      .filter(({ lines }) => lines > 300);
    expect(long).toEqual([]);
  });

  test("never use `any` and silence no compiler error", () => {
    expect(sources.filter(({ text }) => /@ts-(?:ignore|expect-error|nocheck)/.test(text))).toEqual([]);
    expect(offenders(/\bas any\b|:\s*any\b|<any>|as unknown as/)).toEqual([]);
  });
});
