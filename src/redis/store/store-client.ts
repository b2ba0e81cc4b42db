import type { Script } from "./script.js";

/** What is told to who subscribes to a channel. */
export interface Subscriber {
  message(text: string): void;
  /** The connection is lost: messages may be missed from now on. */
  lost?(): void;
  /** It is back: messages may have been missed. Not called for the first connection. */
  restored?(): void;
}

/** What the package needs of a client, whichever it is. */
export interface StoreClient {
  readonly isCluster: boolean;
  /**
   * False while the client itself knows that it is not connected, as a command would stay in its queue and run much
   * later. A client that connects for the first time counts as ready: its first commands wait for that.
   */
  readonly isReady: boolean;
  /** Runs a script by its SHA-1, and once by its text where the server does not know it. Never throws synchronously. */
  run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /**
   * Subscribes by a connection of its own, which the client makes again when it is lost. Resolves once messages arrive;
   * rejects, with nothing left open, when the first attempt fails.
   */
  subscribe(channel: string, subscriber: Subscriber): Promise<AsyncDisposable>;
  /** In a cluster the name of the node that has the key, as far as the client knows. */
  nodeOf?(key: string): string;
}
