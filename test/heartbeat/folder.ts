import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { onTestFinished, vi } from "vitest";

/** A folder of the running test's own, removed after it. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "heartbeat-"));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Collects the messages of the library's warnings of one code while the test runs, instead of showing them. */
export function collectWarnings(code: string): string[] {
  const found: string[] = [];
  const spy = vi.spyOn(process, "emitWarning").mockImplementation((warning, options) => {
    const given: unknown = typeof options === "object" ? Reflect.get(options, "code") : undefined;
    if (given === code) found.push(String(warning));
  });
  onTestFinished(() => spy.mockRestore());
  return found;
}
