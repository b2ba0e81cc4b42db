import { clusterSlot } from "./cluster-slot.js";
import { runScript } from "./run-script.js";
import type { StoreClient, Subscriber } from "./store-client.js";

interface ScriptInput {
  readonly keys: string[];
  readonly arguments: string[];
}

type Message = (text: string) => void;

/** What is used of a client of node-redis. */
export interface NodeRedis {
  readonly isOpen: boolean;
  /** Not there in a cluster of node-redis 4. */
  readonly isReady?: boolean;
  readonly slots?: readonly ({ readonly master?: { readonly address?: string } } | undefined)[];
  evalSha(sha: string, input: ScriptInput): Promise<unknown>;
  eval(source: string, input: ScriptInput): Promise<unknown>;
  /** Not there in a sentinel of node-redis 5. */
  duplicate?(options?: object): NodeRedisSubscription;
  subscribe(channel: string, message: Message): Promise<unknown>;
  unsubscribe(channel: string, message: Message): Promise<unknown>;
}

interface NodeRedisSubscription {
  on(event: string, listener: () => void): unknown;
  connect(): Promise<unknown>;
  subscribe(channel: string, message: Message): Promise<unknown>;
  /** node-redis 4 calls it `disconnect`. */
  destroy?(): unknown;
  disconnect?(): unknown;
}

/** A client of node-redis 4 or newer. */
export function nodeRedisClient(client: NodeRedis): StoreClient {
  const isCluster = "masters" in client || "nodeClient" in client;
  let wasReady = false;
  return {
    isCluster,
    get isReady() {
      const { isOpen, isReady = isOpen } = client;
      wasReady ||= isReady;
      return isReady || (!wasReady && isOpen);
    },
    run: runScript(
      (sha, keys, args) => client.evalSha(sha, { keys, arguments: args }),
      (source, keys, args) => client.eval(source, { keys, arguments: args }),
    ),
    subscribe: (channel, subscriber) => {
      const connection = client.duplicate?.(isCluster ? {} : { disableOfflineQueue: false });
      return connection === undefined
        ? subscribeWith(client, channel, subscriber)
        : subscribe(connection, channel, subscriber);
    },
    ...(isCluster && {
      nodeOf(key: string) {
        const slot = clusterSlot(key);
        return client.slots?.[slot]?.master?.address ?? String(slot);
      },
    }),
  };
}

async function subscribe(
  connection: NodeRedisSubscription,
  channel: string,
  subscriber: Subscriber,
): Promise<AsyncDisposable> {
  let isUp = false;
  let isOver = false;
  const lost = (): void => {
    if (isUp) subscriber.lost?.();
    isUp = false;
  };
  const end = (): void => {
    isOver = true;
    isUp = false;
    // The promise of either may reject for a connection that was lost before.
    Promise.resolve(
      connection.destroy === undefined ? connection.disconnect?.() : connection.destroy(),
    ).catch(() => {});
  };
  try {
    await new Promise<void>((resolve, reject) => {
      // Else it would try again by itself for as long as the server is away.
      connection.on("error", () => {
        if (!isUp && !isOver) reject(new Error("no connection for a subscription"));
        lost();
      });
      connection
        .connect()
        .then(() => connection.subscribe(channel, (text) => subscriber.message(text)))
        .then(() => resolve(), reject);
    });
  } catch (error) {
    end();
    throw error;
  }
  isUp = true;
  // It subscribes again by itself before it says that it is ready.
  connection.on("ready", () => {
    if (isOver) return;
    isUp = true;
    subscriber.restored?.();
  });
  connection.on("reconnecting", lost);
  return {
    async [Symbol.asyncDispose]() {
      end();
    },
  };
}

/** By the client itself, which has connections of its own for subscriptions. */
async function subscribeWith(
  client: NodeRedis,
  channel: string,
  subscriber: Subscriber,
): Promise<AsyncDisposable> {
  const message = (text: string): void => subscriber.message(text);
  await client.subscribe(channel, message);
  return {
    async [Symbol.asyncDispose]() {
      await client.unsubscribe(channel, message);
    },
  };
}
