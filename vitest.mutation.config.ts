import fs from "node:fs";
import { defineConfig } from "vitest/config";

/** The tests that belong to the pure files: each mutation runs those of them that execute it. */
const OF_PURE_FILES: Readonly<Record<string, readonly string[]>> = {
  alerts: ["alert-manager", "messages"],
  "circuit-breaker": [
    "circuit-breaker",
    "combined-rules",
    "export",
    "half-open",
    "machine",
    "model",
    "recovery",
    "remaining",
    "reset-timeout",
    "trip-rules",
  ],
  "heartbeat-file": ["state", "verdict"],
  http: ["client/told-quota", "fields", "server/addresses", "server/limiters", "server/told", "server/usual"],
  policies: [
    "adaptive-limit",
    "adaptive-limiter",
    "bulkhead",
    "bulkhead-nesting",
    "hedge/hedge",
    "hedge/latencies",
    "permits",
    "retry/backoff",
    "retry/retry",
    "retry/retry-budget",
  ],
  "rate-limiter": [
    "bucket",
    "exactness",
    "key-places",
    "key-table",
    "keyed-calls",
    "keyed-rate-limiter",
    "options",
    "own-limits",
    "rate-limiter",
    "rate-limiter.properties",
    "rate-zero",
    "reservation",
    "unlimited",
  ],
  schedule: ["callback"],
  shutdown: ["plan"],
  telemetry: ["prometheus"],
  watchdog: ["deadline"],
  websocket: ["attempts", "gaps", "history", "inbox", "last-heard", "seen-keys", "states", "waiting"],
};

/** Those that start programs or read the built package are not among them: a mutation does not reach there. */
function unitTests(): string[] {
  const files = Object.entries(OF_PURE_FILES).flatMap(([folder, names]) =>
    names.map((name) => `test/${folder}/${name}.test.ts`),
  );
  const others = files.filter((file) =>
    /child_process|worker_threads|fixtures|\bdist\//.test(fs.readFileSync(file, "utf8")),
  );
  if (others.length > 0) throw new Error(`These tests start programs: ${others.join(", ")}.`);
  return files;
}

export default defineConfig({
  test: {
    include: unitTests(),
    env: { PROPERTY_RUNS: "50" },
    testTimeout: 30_000,
  },
});
