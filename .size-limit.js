const gzipped = (config) => ({ ...config, platform: "node", format: "esm" });

const part = (name, imports, limit) => ({
  name,
  path: "dist/index.js",
  ...(imports === undefined ? {} : { import: imports }),
  limit,
  gzip: true,
  modifyEsbuildConfig: gzipped,
});

// What they are, with a little room (shutdown and watchdog with the programs of their threads): a change that grows them is seen. `npm run bench -- size` compares with the goals.
export default [
  part("circuit breaker alone", "{ CircuitBreaker }", "11.2 kB"),
  part("rate limiter alone", "{ RateLimiter }", "10.9 kB"),
  part("graceful shutdown alone", "{ GracefulShutdown }", "18.5 kB"),
  part("health alone", "{ Health }", "8.3 kB"),
  part("heartbeat alone", "{ Heartbeat }", "12.8 kB"),
  part("watchdog alone", "{ Watchdog }", "19.6 kB"),
  part("resilient, with its parts", "{ resilient }", "30 kB"),
  part("whole core", undefined, "84 kB"),
];
