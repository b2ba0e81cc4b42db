// The memory of a rate limit of HTTP requests for a million clients, beyond their keys themselves.
import { rateLimit } from "@kstlib/resilience/http";
import { quick, report } from "../measure.mjs";

/** Everything that is measured, so that nothing is collected before the end. */
const kept = [];

const COUNT = quick ? 100_000 : 1_000_000;
const addresses = {
  ipv4: (at) => `${10 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}.7`,
  // Each in another /64, by which an address is known.
  ipv6: (at) => `2001:db8:${(at >> 16).toString(16)}:${(at & 0xffff).toString(16)}::1`,
};

/** Everything that the process holds for JavaScript: `external` includes the array buffers. */
function held() {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const response = { headersSent: false, setHeader() {} };

function fill(addressOf, count, maxKeys) {
  const limit = rateLimit({ limits: [{ rate: 100, per: "1h" }], maxKeys });
  let through = 0;
  const next = () => through++;
  for (let at = 0; at < count; at++) {
    void limit({ headers: {}, socket: { remoteAddress: addressOf(at) } }, response, next);
  }
  if (through !== count) throw new Error("a new client was refused");
  kept.push(limit);
  return limit;
}

/** The bytes of the keys as strings, flat and without their places in an array. */
function keyBytes(keyOf) {
  const before = held();
  const strings = Array.from({ length: COUNT }, (_, at) => JSON.parse(JSON.stringify(keyOf(at))));
  const bytes = (held() - before) / strings.length;
  return bytes - 8;
}

const rows = [];
for (const [name, addressOf] of Object.entries(addresses)) {
  // A small one first, so that neither compiled code nor the first tables are counted.
  fill(addressOf, 1000, 1000);
  const keys = keyBytes(name === "ipv4" ? addressOf : (at) => `${addressOf(at).slice(0, -1)}/64`);
  const before = held();
  fill(addressOf, COUNT, COUNT);
  const bytes = (held() - before) / COUNT - keys;
  rows.push({
    id: name,
    label: `bytes a client, ${COUNT / 1e6} million ${name === "ipv4" ? "IPv4 addresses" : "IPv6 /64s"}`,
    value: bytes,
    unit: "B",
    max: 60,
  });
  // More clients than are known take no more: those closest to a full bucket are forgotten.
  const bounded = fill(addressOf, COUNT / 2, COUNT / 10);
  const beforeMore = held();
  for (let at = 0; at < COUNT; at++) {
    void bounded({ headers: {}, socket: { remoteAddress: addressOf(COUNT - at) } }, response, () => {});
  }
  rows.push({
    id: `${name}-more`,
    label: "bytes that ten times as many clients as maxKeys add, a client",
    value: (held() - beforeMore) / COUNT,
    unit: "B",
    max: 1,
  });
}
if (kept.length === 0) throw new Error("nothing was measured");
report(rows);
