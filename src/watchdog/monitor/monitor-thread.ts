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

/** How long the thread outlives its last watchdog, in milliseconds: short-lived ones must not start a thread each. */
const LINGER = 250;

const { port, wake, channel, thread: starter } = workerData as MonitorData;
const foreignOrders = channel === undefined ? undefined : new BroadcastChannel(channel);
const own = new WatchedThread(starter, (notice) => port.postMessage(notice));
/** The worker threads that have watchdogs, and where each of them listens. */
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

/** Forgets the worker threads that have no watchdog any more. */
function forgetIdle(): void {
  for (const [key, worker] of workers) {
    if (!worker.thread.isIdle) continue;
    worker.channel.close();
    workers.delete(key);
  }
}

/**
 * Waiting without an event loop keeps the idle monitor cheap: a look costs a fraction of what a timer does. Only the
 * handling of a freeze runs the loop, because the inspector needs it.
 */
async function keepWatch(): Promise<void> {
  let threads: readonly WatchedThread[] = [own];
  for (let taken = -1; ;) {
    const orders = Atomics.load(wake, ORDERS);
    // Before the orders: what has passed by now does not count for a watchdog that starts now.
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
    // Unless an order has just been given: then it goes on.
    if (!isOver || news !== "timed-out") continue;
    if (Atomics.compareExchange(wake, ORDERS, orders, CLOSED) === orders) break;
  }
  port.close();
  foreignOrders?.close();
}

Atomics.store(wake, LISTENING, 1);
Atomics.notify(wake, LISTENING);
void keepWatch();
