// What each runtime is known not to support. Everything else is expected to work.
import fs from "node:fs";

const file = new URL("expected.json", import.meta.url);
export const EXPECTED = JSON.parse(fs.readFileSync(file, "utf8"));

/** What is expected of a runtime: an entry for its major version takes precedence over one for the family. */
export function expectationOf(capability, { family, version }) {
  const known = EXPECTED[capability] ?? {};
  return known[`${family}@${version.split(".")[0]}`] ?? known[family] ?? { result: "yes" };
}
