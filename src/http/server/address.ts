const GROUP = /^[\da-f]{1,4}$/i;

/** The longest address in text: IPv6 with an IPv4 part. A zone and a port are not counted. */
const MAX_LENGTH = 45;

const DOT = 46;
const ZERO = 48;
const NINE = 57;

/** Whether a text is an IPv4 address: four numbers without leading zeros, RFC 6943. By hand: each request asks. */
function isIpv4(text: string): boolean {
  let dots = 0;
  /** Of the number that is being read; -1: it has no digit yet. */
  let value = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= ZERO && code <= NINE) {
      value = value < 0 ? code - ZERO : value === 0 ? 256 : value * 10 + code - ZERO;
      if (value > 255) return false;
    } else {
      if (code !== DOT || value < 0) return false;
      dots++;
      value = -1;
    }
  }
  return dots === 3 && value >= 0;
}

/** The groups of one side of `::`; `undefined` if one is none. */
function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  for (const part of text.split(":")) {
    if (!GROUP.test(part)) return undefined;
    groups.push(Number.parseInt(part, 16));
  }
  return groups;
}

/** The eight groups of an IPv6 address, RFC 4291; `undefined` if it is none. */
function parseIpv6(text: string): readonly number[] | undefined {
  const last = text.lastIndexOf(":") + 1;
  const inside = text.slice(last);
  let hex = text;
  if (inside.includes(".")) {
    if (!isIpv4(inside)) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = inside.split(".").map(Number);
    hex = `${text.slice(0, last)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [left = "", right, tooMuch] = hex.split("::");
  const head = groupsOf(left);
  if (head === undefined || tooMuch !== undefined) return undefined;
  if (right === undefined) return head.length === 8 ? head : undefined;
  const tail = groupsOf(right);
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** Whether an IPv6 address is an IPv4 address in the form of sockets for both (`::ffff:192.0.2.1`). */
const isMapped = (groups: readonly number[]): boolean =>
  groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);

/**
 * One spelling for each address: IPv4 as it is, also when mapped into IPv6; IPv6 in lower case with all groups, without
 * its zone, which says something about this machine and not about the other.
 *
 * @returns `undefined` for what is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIpv4(text)) return text;
  const zone = text.indexOf("%");
  const address = zone < 0 ? text : text.slice(0, zone);
  if (address.length > MAX_LENGTH) return undefined;
  const groups = parseIpv6(address);
  if (groups === undefined) return undefined;
  if (!isMapped(groups)) return groups.map((group) => group.toString(16)).join(":");
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join(".");
}

/**
 * The bucket of an address in its canonical form: an IPv6 address shares that of its /64, of which one client has all
 * addresses.
 */
export function bucketOf(canonical: string): string {
  if (!canonical.includes(":")) return canonical;
  return `${canonical.split(":").slice(0, 4).join(":")}::/64`;
}

/** The address of a node as proxies write it: with a port or without, IPv6 in brackets or bare. */
export function addressOfNode(node: string): string | undefined {
  if (node.startsWith("[")) {
    const [, inside] = /^\[([^\]]*)\](?::[\w.-]{1,16})?$/.exec(node) ?? [];
    return inside === undefined || !inside.includes(":") ? undefined : canonicalAddress(inside);
  }
  const colon = node.indexOf(":");
  // More than one colon: a bare IPv6 address, which can have no port.
  if (colon < 0 || node.indexOf(":", colon + 1) >= 0) return canonicalAddress(node);
  return /^\d{1,5}$/.test(node.slice(colon + 1)) ? canonicalAddress(node.slice(0, colon)) : undefined;
}
