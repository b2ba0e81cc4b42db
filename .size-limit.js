const gzipped = (config) => ({ ...config, platform: "node", format: "esm" });

export default [
  {
    name: "circuit breaker alone",
    path: "dist/index.js",
    import: "{ CircuitBreaker }",
    limit: "3 kB",
    gzip: true,
    modifyEsbuildConfig: gzipped,
  },
  { name: "whole core", path: "dist/index.js", limit: "14 kB", gzip: true, modifyEsbuildConfig: gzipped },
];
