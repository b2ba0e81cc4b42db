import { BroadcastChannel, type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import {
  CLOSED,
  type ForeignOrder,
  LISTENING,
  type MonitorData,
  type Order,
  ORDERS,
  receiveFrom,
} from "../monitor-protocol.js";
import { WatchedThread } from "./watched-thread.js";

/** How long the thread outlives its last watchdog, in milliseconds: not every short-lived one is to start a thread. */
const LINGER = 250;

const { port, wake, channel, thread: starter } = workerData as MonitorData;
const foreignOrders = channel === undefined ? undefined : new BroadcastChannel(channel);
const own = new WatchedThread(starter, (notice) => port.postMessage(notice));
/** The worker threads that have watchdogs, and the channel of each. */
const workers = new Map<string, { readonly thread: WatchedThread; readonly channel: BroadcastChannel }>();

function* received(from: MessagePort | BroadcastChannel): Generator {
  const next = (): unknown => receiveFrom({ receiveMessageOnPort }, from);
  for (let found = next(); found !== undefined; found = next()) yield found;
}

function workerOf({ thread: data }: ForeignOrder): WatchedThread {
  const known = workers.get(data.key);
  if (known !== undefined) return known.thread;
  const notices = new BroadcastChannel(data.key);
  const thread = new WatchedThread(data, (notice) => notices.postMessage(notice));
  workers.set(data.key, { thread, channel: notices });
  return thread;
}

function takeOrders(): void {
  for (const order of received(port)) own.take(order as Order);
  if (foreignOrders === undefined) return;
  for (const found of received(foreignOrders)) {
    const foreign = found as ForeignOrder;
    workerOf(foreign).take(foreign.order);
  }
}

/** Forgets the worker threads without a watchdog. */
function forgetIdle(): void {
  for (const [key, worker] of workers) {
    if (!worker.thread.isIdle) continue;
    worker.channel.close();
    workers.delete(key);
  }
}

/**
 * Waits without the event loop, because a look then costs a fraction of what a timer costs. Only the handling of a
 * freeze uses the loop, which the inspector needs.
 */
async function keepWatch(): Promise<void> {
  let threads: readonly WatchedThread[] = [own];
  for (let taken = -1; ;) {
    const orders = Atomics.load(wake, ORDERS);
    // Before the orders, so that the time until now does not count for a watchdog that starts now.
    for (const thread of threads) thread.pass();
    if (orders !== taken) takeOrders();
    taken = orders;
    if (workers.size > 0 || threads.length > 1) {
      forgetIdle();
      threads = [own, ...[...workers.values()].map(({ thread }) => thread)];
    }
    let wait = Infinity;
    let busy = false;
    for (const thread of threads) {
      const sight = await thread.watch();
      wait = Math.min(wait, sight.wait);
      busy ||= sight.busy;
    }
    for (const thread of threads) thread.expect(busy ? undefined : wait);
    if (busy) continue;
    const isOver = workers.size === 0 && own.isIdle;
    const news = Atomics.wait(wake, ORDERS, orders, isOver ? LINGER : wait);
    // Ends, unless an order has just been given.
    if (!isOver || news !== "timed-out") continue;
    if (Atomics.compareExchange(wake, ORDERS, orders, CLOSED) === orders) break;
  }
  port.close();
  foreignOrders?.close();
}

Atomics.store(wake, LISTENING, 1);
Atomics.notify(wake, LISTENING);
void keepWatch();
