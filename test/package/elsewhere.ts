import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

/** A folder with nothing in it, from where no node_modules can be found. */
export function elsewhere(): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "elsewhere-")));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
