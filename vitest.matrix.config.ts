import { defineConfig } from "vitest/config";

// What is too heavy for `npm test`: frameworks, bundlers and wrappers that are installed from the registry.
export default defineConfig({
  test: {
    globalSetup: "./scripts/vitest-setup.mjs",
    include: ["test/**/*.matrix.ts"],
    testTimeout: 300_000,
  },
});
