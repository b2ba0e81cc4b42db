import { answer } from "../../kernel/judge.js";
import { addressOfNode, canonicalAddress } from "./address.js";

/** In which field the proxies in front write whom they forward for. */
export type ProxyHeader = "x-forwarded-for" | "forwarded";

export const PROXY_HEADERS: readonly ProxyHeader[] = ["x-forwarded-for", "forwarded"];

/** How many proxies are in front, or which addresses are those of proxies. */
export type TrustProxy = number | ((address: string) => boolean);

/** Whether the quote at this place is escaped within a quoted string. */
function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

/**
 * The parts of a text from the right, separated by a character outside of quoted strings. From the right, because only
 * what trusted proxies have appended can be relied on: nothing to the left of it changes how it is read.
 */
function* fromRight(text: string, separator: string): Generator<string> {
  let end = text.length;
  let isQuoted = false;
  for (let at = text.length - 1; at >= 0; at--) {
    if (text[at] === '"' && !isEscaped(text, at)) isQuoted = !isQuoted;
    else if (text[at] === separator && !isQuoted) {
      yield text.slice(at + 1, end).trim();
      end = at;
    }
  }
  yield text.slice(0, end).trim();
}

/** Whom an element of `Forwarded` (RFC 7239) is for. */
function forOf(element: string): string | undefined {
  const found = [...fromRight(element, ";")].flatMap((pair) => {
    const [, value] = /^for=(.*)/is.exec(pair) ?? [];
    return value === undefined ? [] : [value];
  });
  const [value] = found;
  // It may stand in an element only once.
  if (value === undefined || found.length > 1) return undefined;
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"$/s.exec(value) ?? [];
  return addressOfNode(quoted === undefined ? value : quoted.replaceAll(/\\(.)/gs, "$1"));
}

/**
 * The address of the client: that of the connection, or, as long as it is a trusted proxy's, the one that this proxy
 * forwards for. Where a proxy says nothing that is an address, the client is the proxy.
 *
 * @param connected the address of the connection.
 * @param field the value of the proxies' field, all lines of it joined by commas.
 * @throws what `trust` throws, and TypeError when it answers with a promise.
 * @returns in canonical form; `undefined` when the connection has no address.
 */
export function clientAddress(
  connected: string | undefined,
  field: string | undefined,
  trust: TrustProxy,
  header: ProxyHeader,
): string | undefined {
  let client = connected === undefined ? undefined : canonicalAddress(connected);
  if (trust === 0 || field === undefined) return client;
  let hops = 0;
  for (const element of fromRight(field, ",")) {
    // A connection that has ended has no address any more, so what has none cannot be trusted by it.
    const isTrusted =
      typeof trust === "number" ? hops < trust : client !== undefined && answer(trust(client));
    if (!isTrusted) break;
    const next = header === "forwarded" ? forOf(element) : addressOfNode(element);
    if (next === undefined) break;
    client = next;
    hops++;
  }
  return client;
}
