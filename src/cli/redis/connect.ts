import { createRequire } from "node:module";
import path from "node:path";
import { realClock } from "../../kernel/clock.js";
import { UsageError } from "../command.js";

/** A client of the user's project, connected. */
export interface Connection {
  readonly client: object;
  close(): void;
}

/** How long a connection may take, and how long it is waited before the next attempt; milliseconds. */
const PATIENCE = 2000;
const PAUSE = 500;

type OnError = (event: "error", listener: (error: unknown) => void) => unknown;

interface NodeRedisModule {
  createClient(options: object): {
    readonly on: OnError;
    connect(): Promise<unknown>;
    destroy?(): unknown;
    disconnect(): unknown;
  };
}

interface IoredisModule {
  readonly Redis: new (
    url: string,
    options: object,
  ) => { readonly on: OnError; connect(): Promise<unknown>; disconnect(): void };
}

/** Makes an unconnected client of each package. With `keeps` it connects again when the connection is lost. */
const PACKAGES = {
  redis(module: NodeRedisModule, url: string, keeps: boolean) {
    const reconnectStrategy = keeps ? () => PAUSE : false;
    const client = module.createClient({ url, socket: { connectTimeout: PATIENCE, reconnectStrategy } });
    const close = (): void => {
      // node-redis 4 has no destroy.
      if (client.destroy === undefined) {
        void Promise.resolve(client.disconnect()).catch(() => {});
        return;
      }
      try {
        client.destroy();
      } catch {
        // That of node-redis 5 throws when there is no connection.
      }
    };
    return { client, close };
  },
  ioredis: ofIoredis,
  iovalkey: ofIoredis,
};

function ofIoredis(module: IoredisModule, url: string, keeps: boolean) {
  const client = new module.Redis(url, {
    lazyConnect: true,
    connectTimeout: PATIENCE,
    retryStrategy: keeps ? () => PAUSE : null,
  });
  return { client, close: () => client.disconnect() };
}

/** The first of the packages that the project in `cwd` has; the module differs by its name. */
function findPackage(cwd: string): { readonly name: keyof typeof PACKAGES; readonly module: never } {
  const require = createRequire(path.join(cwd, "package.json"));
  for (const name of Object.keys(PACKAGES) as (keyof typeof PACKAGES)[]) {
    try {
      require.resolve(name);
    } catch {
      continue;
    }
    return { name, module: require(name) as never };
  }
  throw new UsageError(
    `an address of Redis needs one of the packages ${Object.keys(PACKAGES).join(", ")} in the project of ${cwd}: npm install redis`,
  );
}

/**
 * Connects by the client that the user's project has.
 *
 * @throws UsageError if it has none, or an error that says why there is no connection.
 */
export async function connect(url: string, cwd: string, keeps: boolean): Promise<Connection> {
  const { name, module } = findPackage(cwd);
  const { client, close } = PACKAGES[name](module, url, keeps);
  let problem: unknown;
  let giveUp = (_reason: unknown): void => undefined;
  const failed = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  failed.catch(() => {});
  // What connect() rejects with says less: that the connection is closed. A client that keeps trying does not reject.
  client.on("error", (error) => {
    problem ??= error;
    giveUp(error);
  });
  // A server that stands still accepts connections, and answers nothing.
  const timer = realClock.setTimer(
    () => giveUp(new Error(`no answer within ${PATIENCE / 1000} s`)),
    PATIENCE,
  );
  try {
    const connecting = client.connect();
    connecting.catch(() => {});
    await Promise.race([connecting, failed]);
  } catch (error) {
    close();
    throw problem ?? error;
  } finally {
    timer.cancel();
  }
  return { client, close };
}
