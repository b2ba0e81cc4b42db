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
  part("circuit breaker alone", "{ CircuitBreaker }", "6.8 kB"),
  part("rate limiter alone", "{ RateLimiter }", "7.5 kB"),
  part("graceful shutdown alone", "{ GracefulShutdown }", "14.8 kB"),
  part("heartbeat alone", "{ Heartbeat }", "9.4 kB"),
  part("watchdog alone", "{ Watchdog }", "9.2 kB"),
  part("whole core", undefined, "38.8 kB"),
];
