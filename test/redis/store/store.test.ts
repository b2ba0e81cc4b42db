import { expect, test } from "vitest";
import { Script } from "../../../src/redis/store/script.js";
import { Store } from "../../../src/redis/store/store.js";
import type { StoreClient } from "../../../src/redis/store/store-client.js";
import { ManualClock } from "../../../src/testing/index.js";

const SCRIPT = new Script("return 1");

interface Call {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A client of which the test decides what it answers and when. */
class Puppet implements StoreClient {
  readonly isCluster = false;
  isReady = true;
  readonly calls: Call[] = [];

  run(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.calls.push({ resolve, reject });
    });
  }

  subscribe(): Promise<AsyncDisposable> {
    return Promise.reject(new Error("not here"));
  }
}

function setUp(): { clock: ManualClock; client: Puppet; store: Store } {
  const clock = new ManualClock();
  const client = new Puppet();
  return { clock, client, store: new Store(client, { storeTimeout: 100, clock }) };
}

const reason = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: unknown) => String(error));

test("a call is over when its time is, not before, whatever the client does", async () => {
  const { clock, client, store } = setUp();
  const first = reason(store.run(SCRIPT, ["a"], []));
  await clock.advance("50ms");
  const second = store.run(SCRIPT, ["b"], []);
  await clock.advance("49ms");
  expect(store.isUp).toBe(true);
  await clock.advance("1ms");
  expect(await first).toBe("StoreError: the store did not answer within 100 ms.");
  expect(store.isUp).toBe(false);
  client.calls[1]?.resolve("in time");
  expect(await second).toBe("in time");
});

test("a store that is away is asked by one probe at a time, at growing intervals", async () => {
  const { clock, client, store } = setUp();
  void reason(store.run(SCRIPT, ["a"], []));
  await clock.advance("100ms");
  expect(await reason(store.run(SCRIPT, ["a"], []))).toContain("it is asked again in the background");
  const at: number[] = [];
  for (let time = 0; time < 3000; time += 10) {
    const { length } = client.calls;
    await clock.advance("10ms");
    if (client.calls.length > length) at.push(time + 10);
  }
  expect(at).toEqual([50, 250, 550, 1050, 1650, 2250, 2850]);
  client.calls.at(-2)?.resolve("the one before was answered");
  await clock.advance(0);
  expect(store.isUp).toBe(true);
});

test("the server's own error is an answer, the client's is not", async () => {
  const { client, store } = setUp();
  const refused = reason(store.run(SCRIPT, ["a"], []));
  client.calls[0]?.reject(new Error("OOM command not allowed when used memory > 'maxmemory'."));
  expect(await refused).toContain("OOM");
  expect(store.isUp).toBe(true);
  const lost = reason(store.run(SCRIPT, ["a"], []));
  client.calls[1]?.reject(new Error("read ECONNRESET"));
  expect(await lost).toContain("ECONNRESET");
  expect(store.isUp).toBe(false);
});

test("a late reply is handed over, and shows that the store is back", async () => {
  const { clock, client, store } = setUp();
  const late: unknown[] = [];
  void reason(store.run(SCRIPT, ["a"], [], (reply) => late.push(reply, store.isUp)));
  await clock.advance("100ms");
  client.calls[0]?.resolve(7);
  await clock.advance(0);
  expect(late).toEqual([7, true]);
});

test("nothing is sent while the client is not connected, nor when the store is closed, and no timer is left", async () => {
  const { clock, client, store } = setUp();
  client.isReady = false;
  expect(await reason(store.run(SCRIPT, ["a"], []))).toBe("StoreError: the client is not connected.");
  await clock.advance("10000ms");
  expect(client.calls).toHaveLength(0);
  client.isReady = true;
  await clock.advance("100ms");
  client.calls[0]?.resolve(1);
  await clock.advance(0);
  const asked = reason(store.run(SCRIPT, ["a"], []));
  store[Symbol.dispose]();
  expect(await asked).toContain("closed here");
  expect(await reason(store.run(SCRIPT, ["a"], []))).toContain("closed here");
  expect(clock.pendingTimers).toBe(0);
});
