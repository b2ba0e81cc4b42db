import { GlideClient, Logger } from "@valkey/valkey-glide";
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis-5";
import { Redis as Iovalkey } from "iovalkey";
import { createClient } from "redis";
import { createClient as createClient4 } from "redis-4";
import { createClient as createClient5 } from "redis-5";
import { onTestFinished } from "vitest";

/** A client of an application, connected. */
interface Connected {
  readonly client: object;
  close(): unknown;
}

/** Every client that the package knows, connected to the server of a port. */
const clients: Readonly<Record<string, (port: number) => Promise<Connected>>> = {
  "redis 4": (port) => nodeRedis(createClient4({ url: `redis://127.0.0.1:${port}` })),
  "redis 5": (port) => nodeRedis(createClient5({ url: `redis://127.0.0.1:${port}` })),
  "redis 6": (port) => nodeRedis(createClient({ url: `redis://127.0.0.1:${port}` })),
  "ioredis 5": (port) => ioredis(new Redis5(port, { lazyConnect: true })),
  "ioredis 6": (port) => ioredis(new Redis(port, { lazyConnect: true })),
  iovalkey: (port) => ioredis(new Iovalkey(port, { lazyConnect: true })),
  "valkey-glide": async (port) => {
    // It would write a line for each error of the server.
    Logger.setLoggerConfig("off");
    const client = await GlideClient.createClient({
      addresses: [{ host: "127.0.0.1", port }],
      // By default it gives a call up itself, after 250 ms.
      requestTimeout: 10_000,
    });
    return { client, close: () => client.close() };
  },
};

interface NodeRedis {
  on(event: "error", listener: () => void): unknown;
  connect(): Promise<unknown>;
  destroy?(): unknown;
  disconnect(): Promise<unknown>;
}

async function nodeRedis(client: NodeRedis): Promise<Connected> {
  client.on("error", () => {});
  await client.connect();
  return {
    client,
    // Closed by the test already, it throws or rejects.
    close: async () => {
      try {
        await (client.destroy === undefined ? client.disconnect() : client.destroy());
      } catch {}
    },
  };
}

interface Ioredis {
  on(event: "error", listener: () => void): unknown;
  connect(): Promise<unknown>;
  disconnect(): void;
}

async function ioredis(client: Ioredis): Promise<Connected> {
  client.on("error", () => {});
  await client.connect();
  return { client, close: () => client.disconnect() };
}

/** The names of all clients, for `describe.each`. */
export const clientNames: readonly string[] = Object.keys(clients);

/** A client of that name, closed when the test is over. */
export async function connect(name: string, port: number): Promise<object> {
  const connected = await clients[name]?.(port);
  if (connected === undefined) throw new TypeError(`there is no client ${name}`);
  onTestFinished(async () => {
    await connected.close();
  });
  return connected.client;
}
