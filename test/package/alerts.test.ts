import path from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { describePacked } from "./packed.js";

const entry = path.resolve(import.meta.dirname, "../../dist/alerts/index.js");

/** What only one of them contains: Slack, e-mail, a definition. */
const OTHERS = ["allowed_mentions", "nodemailer", "urlCredentials"];

test.each([
  ["AlertSender", []],
  ["AlertManager", OTHERS],
])("a bundle with %s and a webhook contains of the others: %j", async (name, expected) => {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { ${name}, WebhookChannel } from ${JSON.stringify(entry)};`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
  });
  const text = outputFiles[0]?.text ?? "";
  expect(text).toContain("idempotency-key");
  expect(OTHERS.filter((one) => text.includes(one))).toEqual(expected);
});

describePacked("sends an alert", {
  names: "{ AlertManager, ConsoleChannel }",
  entry: "alerts",
  body: `const told = [];
const alerts = new AlertManager({ channels: [{ name: "ops", deliver: async ({ title }) => void told.push(title) }] });
alerts.addChannel(new ConsoleChannel({ console: { ...console, warn: (line) => told.push(line.includes("silent")) } }));
alerts
  .send({ title: "the feed is silent", level: "warning", key: "feed" })
  .then(() => alerts.close())
  .then(() => console.log(told.join()));
`,
  expected: "the feed is silent,true\n",
});
