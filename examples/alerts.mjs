// Alerts that do not flood: a throttle that counts what it holds back, equal alerts, a recovery, and the end.
import assert from "node:assert/strict";
import { AlertManager } from "@kstlib/resilience/alerts";
import { ManualClock } from "@kstlib/resilience/testing";

// A channel of one's own; a SlackChannel or a WebhookChannel is used the same way.
const messages = [];
const ops = {
  name: "ops",
  async deliver({ title, body, level }) {
    messages.push(title);
    console.log(`[ops] ${level}: ${title}${body === "" ? "" : ` [${body.split("\n")[0]} ...]`}`);
  },
};

// The clock of a test; a real one is the default.
const clock = new ManualClock();
const alerts = new AlertManager({
  channels: [ops],
  throttle: { rate: 1, per: "60s", burst: 2 },
  dedupe: "5m",
  clock,
});

await alerts.send({ title: "the feed is silent", level: "critical", key: "feed" });
await alerts.send({ title: "the feed is silent", level: "critical", key: "feed" }); // the same again
for (let order = 1; order <= 38; order++) {
  await alerts.send({ title: `order ${order} is late`, level: "warning" });
}
await clock.advance("60s"); // the throttle allows another message
await clock.advance("60s");
await alerts.resolve("feed");
await alerts.close();

const { given, sent, counted } = alerts.stats.channels.ops;
console.log(`${given} alerts: ${sent} sent, ${counted} counted in ${messages.length - sent} other messages`);
assert.equal(sent + counted, given);
assert.ok(messages.includes("37 more in 1 min"));
assert.ok(messages.includes("resolved: the feed is silent"));
