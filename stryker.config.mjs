// npm run mutation: changes the pure files in small ways and checks that a test fails. Only those: they decide, and their
// tests need no process, thread or file. Not the kernel's: every test runs them, which would take half an hour.

const PURE = [
  "src/alerts/messages.ts",
  "src/circuit-breaker/machine.ts",
  "src/heartbeat-file/{verdict,timestamp,state}.ts",
  "src/http/client/told-quota.ts",
  "src/http/fields.ts",
  "src/http/server/{address,connections,forwarded,item-writer,partition,quota}.ts",
  "src/kernel/linked-list.ts",
  "src/policies/adaptive-limiter/{algorithms,estimate,limit,window}.ts",
  "src/policies/bulkhead/permits.ts",
  "src/policies/hedge/latencies.ts",
  "src/policies/retry/{backoff,retry-budget,sliding-sums}.ts",
  "src/rate-limiter/{bucket,key-hash,own-limits}.ts",
  "src/schedule/{boundary-timer,callback}.ts",
  "src/shutdown/plan.ts",
  "src/telemetry/{names,prometheus-text,series}.ts",
  "src/watchdog/deadline.ts",
  "src/websocket/{attempts,history,inbox,last-heard,seen-keys}.ts",
];

export default {
  mutate: PURE,
  plugins: ["@stryker-mutator/vitest-runner"],
  testRunner: "vitest",
  vitest: { configFile: "vitest.mutation.config.ts" },
  coverageAnalysis: "perTest",
  concurrency: 2,
  checkers: [],
  thresholds: { high: 95, low: 90, break: 90 },
  reporters: ["clear-text", "progress-append-only", "html"],
  htmlReporter: { fileName: "reports/mutation.html" },
  clearTextReporter: { allowColor: false, logTests: false },
  ignorePatterns: ["dist", "dist-*", "reports", "coverage", ".cache", "examples", "bench"],
  tempDirName: ".stryker-tmp",
  incrementalFile: ".cache/stryker.json",
};
