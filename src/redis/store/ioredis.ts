import { clusterSlot } from "./cluster-slot.js";
import { runScript } from "./run-script.js";
import type { StoreClient, Subscriber } from "./store-client.js";

/** What is used of a client of ioredis or iovalkey. */
export interface Ioredis {
  readonly status: string;
  readonly isCluster?: boolean;
  readonly options?: { readonly keyPrefix?: string };
  /** Of a cluster: the nodes of each slot, its primary first. */
  readonly slots?: readonly (readonly string[] | undefined)[];
  evalsha(sha: string, count: number, ...rest: string[]): Promise<unknown>;
  eval(source: string, count: number, ...rest: string[]): Promise<unknown>;
  duplicate(...options: object[]): IoredisSubscription;
}

interface IoredisSubscription {
  on(event: string, listener: (...args: never[]) => void): unknown;
  connect(): Promise<void>;
  subscribe(channel: string): Promise<unknown>;
  disconnect(): void;
}

/** On its way to the first connection. */
const CONNECTING = new Set(["wait", "connecting", "connect"]);

/** A client of ioredis or iovalkey. */
export function ioredisClient(client: Ioredis): StoreClient {
  const isCluster = client.isCluster === true;
  let wasReady = false;
  return {
    isCluster,
    get isReady() {
      const { status } = client;
      wasReady ||= status === "ready";
      return status === "ready" || (!wasReady && CONNECTING.has(status));
    },
    run: runScript(
      (sha, keys, args) => client.evalsha(sha, keys.length, ...keys, ...args),
      (source, keys, args) => client.eval(source, keys.length, ...keys, ...args),
    ),
    subscribe: (channel, subscriber) =>
      subscribe(
        // Of its own: whoever gave the client may have forbidden to wait for a connection.
        client.duplicate(
          ...(isCluster ? [[], { lazyConnect: true }] : [{ lazyConnect: true, enableOfflineQueue: true }]),
        ),
        channel,
        subscriber,
      ),
    ...(isCluster && {
      nodeOf(key: string) {
        const slot = clusterSlot((client.options?.keyPrefix ?? "") + key);
        return client.slots?.[slot]?.[0] ?? String(slot);
      },
    }),
  };
}

async function subscribe(
  connection: IoredisSubscription,
  channel: string,
  subscriber: Subscriber,
): Promise<AsyncDisposable> {
  let isUp = false;
  connection.on("error", () => {});
  connection.on("message", (from: string, text: string) => {
    if (from === channel) subscriber.message(text);
  });
  const lost = (): void => {
    if (isUp) subscriber.lost?.();
    isUp = false;
  };
  connection.on("close", lost);
  try {
    await connection.connect();
    await connection.subscribe(channel);
  } catch (error) {
    connection.disconnect();
    throw error;
  }
  isUp = true;
  const restore = async (): Promise<void> => {
    // It subscribes again by itself; asked once more, the server answers when that is done.
    await connection.subscribe(channel);
    isUp = true;
    subscriber.restored?.();
  };
  connection.on("ready", () => {
    // Lost again before: the next connection restores it.
    restore().catch(() => {});
  });
  return {
    async [Symbol.asyncDispose]() {
      isUp = false;
      connection.disconnect();
    },
  };
}
