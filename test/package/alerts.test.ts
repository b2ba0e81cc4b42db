import { describePacked } from "./packed.js";

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
