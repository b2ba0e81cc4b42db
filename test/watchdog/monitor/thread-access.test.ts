import { expect, test } from "vitest";
import { ThreadAccess } from "../../../src/watchdog/monitor/thread-access.js";
import { CONTROL_CELLS } from "../../../src/watchdog/monitor-protocol.js";

const cells = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(count * 4));

function accessTo(lock: Int32Array): ThreadAccess {
  const thread = { key: "key", main: true, uninspectable: undefined, folder: undefined, ahead: 0 };
  return new ThreadAccess({ ...thread, lock, control: cells(CONTROL_CELLS) });
}

test("a thread that cannot be inspected is not taken for stopped by a debugger", async () => {
  // There is no way from the main thread into the main thread.
  expect(await accessTo(cells(1)).isPaused()).toBe(false);
});

test("the monitor of one copy of the package waits for that of another one", async () => {
  const lock = cells(1);
  const first = accessTo(lock);
  const second = accessTo(lock);
  const order: string[] = [];
  await first.lock();
  const waiting = second.lock().then(() => order.push("second"));
  await Promise.resolve();
  order.push("first");
  first.unlock();
  await waiting;
  expect(order).toEqual(["first", "second"]);
  expect([...lock]).toEqual([1]);
});

test("a monitor goes on without the lock when another one never gives it back", async () => {
  const lock = cells(1);
  await accessTo(lock).lock();
  await expect(accessTo(lock).lock()).resolves.toBeUndefined();
});
