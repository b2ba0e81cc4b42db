import path from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const program = path.join(root, "hover.ts");

const constructors = {
  CircuitBreaker: "resilience",
  RateLimiter: "resilience",
  KeyedRateLimiter: "resilience",
  GracefulShutdown: "resilience",
  Health: "resilience",
  Heartbeat: "resilience",
  Watchdog: "resilience",
  StateFileWatchdog: "resilience",
  Registry: "resilience",
  ManualClock: "resilience/testing",
};

const text = Object.entries(constructors)
  .map(
    ([name, entry]) => `import { ${name} } from "@kstlib/${entry}";\nvoid new ${name}("");\nvoid ${name};\n`,
  )
  .join("");

/** What an editor does when the pointer rests on a name of a program. */
function editor(): ts.LanguageService {
  return ts.createLanguageService({
    getCompilationSettings: () => ({
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      types: ["node"],
      skipLibCheck: true,
    }),
    getScriptFileNames: () => [program],
    getScriptVersion: () => "1",
    getScriptSnapshot(file) {
      const content = file === program ? text : ts.sys.readFile(file);
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
    },
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (file) => file === program || ts.sys.fileExists(file),
    readFile: (file) => (file === program ? text : ts.sys.readFile(file)),
    directoryExists: (folder) => ts.sys.directoryExists(folder),
    getDirectories: (folder) => ts.sys.getDirectories(folder),
    realpath: (file) => ts.sys.realpath?.(file) ?? file,
  });
}

describe("an editor", () => {
  const service = editor();
  const shown = (before: string, name: string): string => {
    const info = service.getQuickInfoAtPosition(program, text.indexOf(`${before}${name}`) + before.length);
    const tags = info?.tags?.map((tag) => `@${tag.name} ${ts.displayPartsToString(tag.text)}`) ?? [];
    return [ts.displayPartsToString(info?.documentation), ...tags].join("\n");
  };

  test.each(Object.keys(constructors))("shows what a %s is where one is made", (name) => {
    const ofClass = shown("void ", name);
    expect(ofClass.length).toBeGreaterThan(100);
    expect(shown("void new ", name)).toBe(ofClass);
    expect(ofClass).toContain("@example");
  });
});
