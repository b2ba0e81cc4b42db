import path from "node:path";

const packages = path.resolve(import.meta.dirname, "../../node_modules");

/** The compilers, from the oldest that the types are for to the newest. 6 is the last that knows the old way of finding modules. */
export const TSC = {
  "5.4": path.join(packages, "typescript-5.4/bin/tsc"),
  "6": path.join(packages, "typescript/bin/tsc6"),
  "7": path.join(packages, "@typescript/native/bin/tsc"),
};
