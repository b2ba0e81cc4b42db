import { describePacked } from "./packed.js";

describePacked("finds a boundary", {
  names: "{ TimeTrigger }",
  entry: "schedule",
  body: `const trigger = new TimeTrigger("1d", { timezone: "Europe/Paris", offset: "9h" });
trigger.onBoundary(() => {});
console.log(trigger.nextBoundary(Date.UTC(2026, 2, 28, 12)).toISOString());
`,
  expected: "2026-03-29T07:00:00.000Z\n",
});
