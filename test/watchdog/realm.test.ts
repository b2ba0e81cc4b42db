import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { checkBuilt, fixture, run } from "./fork.js";

beforeAll(checkBuilt);

test.runIf(process.platform !== "win32")("a watchdog works fully in a vm context", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "realm-"));
  const { code, events } = await run([fixture("watchdog-realm.cjs"), folder]);
  expect(events).toEqual([
    { event: "loaded", sameError: false },
    { event: "frozen" },
    { event: "timeout", kind: "blocked", stack: true },
    { event: "caught", of: "blocked", name: "WatchdogTimeoutError", code: "ERR_WATCHDOG_TIMEOUT" },
    { event: "returned", of: "quick", result: "well" },
    { event: "caught", of: "a promise", name: "TypeError" },
    { event: "aborted", message: "enough" },
    { event: "caught", of: "Ctrl-C", name: "WatchdogError", code: "ERR_WATCHDOG_INTERRUPTED" },
    { event: "SIGINT" },
  ]);
  expect(readdirSync(path.join(folder, "reports"))).toHaveLength(1);
  expect(code).toBe(0);
  rmSync(folder, { recursive: true });
});
