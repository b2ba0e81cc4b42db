import { createClient } from "redis";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../../../scripts/until.mjs";
import { HeartbeatRegistry } from "../../../src/redis/index.js";
import { hasRedis, startServer } from "../servers/servers.js";

/** Of texts in the protocol. */
const TEXT = 36;

test.skipIf(!hasRedis)("a watch by a client that gives texts as buffers subscribes", async () => {
  const server = await startServer();
  const client = await createClient({ url: server.url }).connect();
  onTestFinished(() => client.destroy());
  const inBuffers = client.withTypeMapping({ [TEXT]: Buffer });
  await using _watch = new HeartbeatRegistry({ client: inBuffers, service: "orders" }).watch();
  const channels = () => server.command("PUBSUB", "CHANNELS");
  await until("it is subscribed", async () => String(await channels()) !== "");
  expect(await channels()).toEqual(["kstlib:heartbeats:{orders}:changes"]);
});
