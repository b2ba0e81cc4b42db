const node = (config) => ({ ...config, platform: "node", format: "esm" });
export default [
  {
    name: "core { retry }",
    path: "dist/index.js",
    import: "{ retry }",
    limit: "2 kB",
    modifyEsbuildConfig: node,
  },
  { name: "worker", path: "dist/worker/pool.js", limit: "1 kB", modifyEsbuildConfig: node },
];
