import { expect, test, vi } from "vitest";
import { AlertManager, WebhookChannel } from "../../src/alerts/index.js";
import { ManualClock } from "../../src/testing/index.js";
import { serve } from "./channels/servers.js";

test.each([
  [429, { "retry-after": "17" }],
  [429, { date: "Tue, 01 Sep 2026 12:00:00 GMT", "retry-after": "Tue, 01 Sep 2026 12:00:17 GMT" }],
  [429, { date: "Tue, 01 Sep 2026 12:00:00 GMT", "retry-after": "Tuesday, 01-Sep-26 12:00:17 GMT" }],
  [429, { date: "Tue, 01 Sep 2026 12:00:00 GMT", "retry-after": "Tue Sep  1 12:00:17 2026" }],
  [503, { "retry-after": "17" }],
])("a server that answers %i with %o gets nothing for 17 seconds", async (status, headers) => {
  const clock = new ManualClock();
  let isBusy = true;
  const server = await serve((response) => {
    response.writeHead(isBusy ? status : 200, isBusy ? headers : {}).end();
    isBusy = false;
  });
  const channels = [new WebhookChannel({ url: server.url, clock })];
  const alerts = new AlertManager({ channels, clock, maxRetries: 0, throttle: false });
  expect(await alerts.send({ title: "a" })).toMatchObject([{ status: "failed", error: { status } }]);
  expect(await alerts.send({ title: "b" })).toMatchObject([{ status: "held" }]);
  await clock.advance(16.9);
  expect(server.got).toHaveLength(1);
  await clock.advance(0.2);
  await vi.waitUntil(() => server.got.length > 1, 60_000);
  await alerts.close();
  expect(server.got.map(({ body }) => JSON.parse(body).title)).toEqual(["a", "b"]);
});
