import type { KeyPlace } from "../../rate-limiter/key-index.js";

/** What has one client's address as long as it is open: a socket. */
export interface Connection {
  readonly remoteAddress?: string | undefined;
}

interface Known extends KeyPlace {
  readonly address: string | undefined;
}

/**
 * Remembers where the bucket of each connection's client is. In a property of the connection: to find it in a `WeakMap` takes
 * as long as to find the bucket by the address.
 */
export class Connections {
  readonly #placeOf: (address: string | undefined) => KeyPlace;
  readonly #known = Symbol("kstlib.resilience.client");

  constructor(placeOf: (address: string | undefined) => KeyPlace) {
    this.#placeOf = placeOf;
  }

  placeOf(connection: Connection): KeyPlace {
    const { remoteAddress: address } = connection;
    const holder = connection as { [known: symbol]: Known | undefined };
    const known = holder[this.#known];
    if (known !== undefined && known.address === address) return known;
    const now: Known = { address, ...this.#placeOf(address) };
    // Not by an assignment, which throws where a runtime or a test gives something frozen.
    Reflect.set(holder, this.#known, now);
    return now;
  }
}
