// Vitest reporter: passes the counts to scripts/test.mjs and prints what was skipped and why.
import fs from "node:fs";
import path from "node:path";
import { root } from "./setup.mjs";

export const COUNTS_FILE = path.join(root, ".cache", "test-counts.json");

export default class ClosingLine {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      // A file that does not even load has no tests to count.
      counts.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        if (state in counts) counts[state]++;
        if (state === "skipped") console.log(`SKIPPED ${test.fullName}${note ? `: ${note}` : ""}`);
      }
    }
    fs.mkdirSync(path.dirname(COUNTS_FILE), { recursive: true });
    fs.writeFileSync(COUNTS_FILE, JSON.stringify(counts));
  }
}
