import fs from "node:fs";
import path from "node:path";
import { defineConfig } from "vitest/config";

/** The tests that belong to the pure files: each mutation runs those that execute it, a thousand runs in all. */
const OF_PURE_FILES =
  /test.(?:circuit-breaker.(?:model|circuit-breaker|trip-rules|combined-rules|half-open|export|reset-timeout|machine|recovery|remaining)|rate-limiter.(?:bucket|exactness|keyed|key-table|rate-limiter|rate-zero|unlimited|own-limits|options|reservation)|policies.(?:adaptive-limit|bulkhead|permits|hedge.(?:hedge|latencies)|retry.(?:backoff|retry-budget|retry\.))|shutdown.plan|heartbeat-file.(?:state\.|verdict)|watchdog.deadline)/;

/** Without those that start programs or read the built package, which a mutation does not reach. */
function unitTests(): string[] {
  return fs
    .readdirSync("test", { recursive: true, encoding: "utf8" })
    .map((file) => path.join("test", file))
    .filter((file) => file.endsWith(".test.ts") && OF_PURE_FILES.test(file))
    .filter((file) => !/child_process|worker_threads|fixtures|\bdist\//.test(fs.readFileSync(file, "utf8")));
}

export default defineConfig({
  test: {
    include: unitTests(),
    env: { PROPERTY_RUNS: "50" },
    testTimeout: 30_000,
  },
});
