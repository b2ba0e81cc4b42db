import type { Terminal } from "../command.js";
import { UsageError } from "../command.js";

/** What an argument such as `redis://host:6379/orders/web-1` names. */
export interface RedisTarget {
  /** For the client, with the user's credentials; never shown. */
  readonly url: string;
  /** The server without credentials. */
  readonly server: string;
  readonly service?: string;
  readonly instance?: string;
}

const FORM = "redis://[user:password@]host[:port][/database][/service[/instance]], or rediss:// for TLS";

/** Whether an argument is an address of Redis rather than a file. */
export function isRedisUrl(text: string): boolean {
  return /^rediss?:\/\//i.test(text);
}

function parsed(text: string): { readonly url: URL; readonly parts: readonly string[] } | undefined {
  try {
    const url = new URL(text);
    return { url, parts: url.pathname.split("/").slice(1).filter(Boolean).map(decodeURIComponent) };
  } catch {
    return undefined;
  }
}

/**
 * Reads an address. A number at the beginning of the path is the database, as for the clients. Where the address has no
 * password, that in `REDISCLI_AUTH` counts, which other users of the machine do not see in the list of processes.
 *
 * @throws UsageError that does not tell the password.
 */
export function parseRedisTarget(text: string, env: Terminal["env"]): RedisTarget {
  const { url, parts = [] } = parsed(text) ?? {};
  const [database, ...names] = /^\d+$/.test(parts[0] ?? "") ? parts : ["", ...parts];
  const [service, instance, ...more] = names;
  if (url === undefined || url.hostname === "" || more.length > 0) {
    const scheme = text.slice(0, text.indexOf(":"));
    throw new UsageError(`an address that begins with ${scheme}:// must be ${FORM}`);
  }
  const path = database === "" ? "" : `/${database}`;
  const server = `${url.protocol}//${url.host}${path}`;
  url.pathname = path;
  url.search = "";
  if (url.password === "" && env["REDISCLI_AUTH"]) url.password = encodeURIComponent(env["REDISCLI_AUTH"]);
  return {
    url: url.href,
    server,
    ...(service === undefined ? {} : { service }),
    ...(instance === undefined ? {} : { instance }),
  };
}
