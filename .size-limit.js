const gzipped = (config) => ({ ...config, platform: "node", format: "esm" });

// What they are, with a little room: a change that grows them is seen. `npm run bench -- size` compares with the goals.
export default [
  {
    name: "circuit breaker alone",
    path: "dist/index.js",
    import: "{ CircuitBreaker }",
    limit: "6.8 kB",
    gzip: true,
    modifyEsbuildConfig: gzipped,
  },
  { name: "whole core", path: "dist/index.js", limit: "29 kB", gzip: true, modifyEsbuildConfig: gzipped },
];
