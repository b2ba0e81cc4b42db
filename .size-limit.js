const gzipped = (config) => ({ ...config, platform: "node", format: "esm" });

const part = (name, imports, limit) => ({
  name,
  path: "dist/index.js",
  ...(imports === undefined ? {} : { import: imports }),
  limit,
  gzip: true,
  modifyEsbuildConfig: gzipped,
});

// What they are, with a little room: a change that grows them is seen. `npm run bench -- size` compares with the goals.
export default [
  part("circuit breaker alone", "{ CircuitBreaker }", "6.9 kB"),
  part("rate limiter alone", "{ RateLimiter }", "8.1 kB"),
  part("graceful shutdown alone", "{ GracefulShutdown }", "13.3 kB"),
  part("heartbeat alone", "{ Heartbeat }", "9.6 kB"),
  part("watchdog alone", "{ Watchdog }", "9.4 kB"),
  part("whole core", undefined, "38.8 kB"),
];
