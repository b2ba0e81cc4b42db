import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { failureRate } from "../../../src/circuit-breaker/rates.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";
import { joined, open, outcome, until } from "./instances.js";

type Evalsha = (...args: unknown[]) => Promise<unknown>;

/** A client whose questions a test can fail, and whose answers it can hold back. */
function controlled(server: Server) {
  const client = new Redis(server.port);
  onTestFinished(() => client.disconnect());
  const control = { client, fails: false, messages: 0, hasAnswer: false, release: () => {} };
  const evalsha = client.evalsha.bind(client) as Evalsha;
  const duplicate = client.duplicate.bind(client);
  let held: Promise<void> | undefined;
  Object.assign(client, {
    async evalsha(...args: unknown[]) {
      if (control.fails) throw new Error("Connection is closed.");
      const reply = await evalsha(...args);
      if (!args.includes("join")) return reply;
      control.hasAnswer = true;
      await held;
      return reply;
    },
    duplicate(...given: Parameters<typeof duplicate>) {
      return duplicate(...given).on("message", () => control.messages++);
    },
  });
  return Object.assign(control, {
    hold: () => (held = new Promise((resolve) => (control.release = resolve))),
  });
}

describe.skipIf(!hasRedis)("an instance that joins the others again", () => {
  test("knows of a change that it was told before the answer to its question, which is older", async () => {
    const server = await startServer();
    const control = controlled(server);
    const one = await joined(server, { name: "api", client: control.client, storeTimeout: "9s" });
    const other = await joined(server, { name: "api" });
    control.fails = true;
    void control.hold();
    await outcome(one);
    await until(() => !one.isShared);
    control.fails = false;
    await until(() => control.hasAnswer);
    await open(other);
    await until(() => control.messages > 0);
    expect(one.state).toBe("closed");
    control.release();
    await until(() => one.state === "open");
    expect(one.isShared).toBe(true);
  });

  test("tells its calls when it was not told that others have begun to fail", async () => {
    const server = await startServer();
    const trip = failureRate({ threshold: 0.5, window: { duration: "10s" }, minCalls: 10 });
    const control = controlled(server);
    const one = await joined(server, { name: "api", client: control.client, trip });
    const other = await joined(server, { name: "api", trip });
    control.fails = true;
    // It asks, and is not answered.
    one.isolate()[Symbol.dispose]();
    await until(() => !one.isShared);
    for (let call = 0; call < 20; call++) await outcome(one, () => 1);
    for (let call = 0; call < 8; call++) await outcome(other);
    await until(() => control.messages > 0);
    control.fails = false;
    await until(() => one.isShared);
    await until(() => other.stats.window[0]?.calls === 30);
    expect(one.isShared).toBe(true);
  });
});
