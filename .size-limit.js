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
  part("circuit breaker alone", "{ CircuitBreaker }", "7.9 kB"),
  part("rate limiter alone", "{ RateLimiter }", "8.9 kB"),
  part("graceful shutdown alone", "{ GracefulShutdown }", "19.8 kB"),
  part("heartbeat alone", "{ Heartbeat }", "11.4 kB"),
  part("watchdog alone", "{ Watchdog }", "19.8 kB"),
  part("whole core", undefined, "58.6 kB"),
];
