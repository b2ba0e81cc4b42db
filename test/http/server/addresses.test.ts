import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressOfNode, bucketOf, canonicalAddress } from "../../../src/http/server/address.js";
import { clientAddress, type ProxyHeader } from "../../../src/http/server/forwarded.js";

const PEER = "192.0.2.1";

describe("an address", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["2001:DB8::0001", "2001:db8:0:0:0:0:0:1"],
    ["fe80::1%eth0", "fe80:0:0:0:0:0:0:1"],
    ["::", "0:0:0:0:0:0:0:0"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0:0:0:c000:201"],
    ["1::ffff:c000:201", "1:0:0:0:0:ffff:c000:201"],
    // One group is left out at least.
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    // The longest there is.
    ["0000:0000:0000:0000:0000:ffff:192.168.100.228", "192.168.100.228"],
  ])("%s has one spelling", (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  test.each([
    "",
    "1",
    "256.0.0.1",
    "01.2.3.4",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4%eth0",
    "1.2.3.a",
    "1.2.3.:",
    "1..2.3",
    ".1.2.3",
    "1.2.3.",
    "1,2,3,4",
    ":::",
    "1::2::3",
    "12345::",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "::1.2.3.4.5",
    "unknown",
    "::ffff:192.0.2.256",
    `${"0".repeat(60)}::`,
    "[::1]",
  ])("is not %j", (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  test("of IPv6 shares the bucket of its /64, and of IPv4 has one of its own", () => {
    const of = (text: string): string => bucketOf(canonicalAddress(text) ?? "none");
    expect(of("2001:db8:1:2::1")).toBe(of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    expect(of("2001:db8:1:2::1")).not.toBe(of("2001:db8:1:3::1"));
    expect(of("2001:db8:1:23::1")).not.toBe(of("2001:db8:12:3::1"));
    expect(of("192.0.2.1")).not.toBe(of("192.0.2.2"));
    expect(of("192.0.2.1")).toBe("192.0.2.1");
    expect(of("::ffff:192.0.2.1")).toBe(of("192.0.2.1"));
  });

  test.each([
    ["192.0.2.1:4711", "192.0.2.1"],
    ["[2001:db8::1]:4711", "2001:db8:0:0:0:0:0:1"],
    ["[2001:db8::1]", "2001:db8:0:0:0:0:0:1"],
    ["2001:db8::1", "2001:db8:0:0:0:0:0:1"],
    ["192.0.2.1:_port", undefined],
    ["192.0.2.1:80x", undefined],
    ["192.0.2.1:x80", undefined],
    ["[2001:db8::1]80", undefined],
    ["[2001:db8::1][2001:db8::2]", undefined],
    ["[192.0.2.1]", undefined],
    ["[2001:db8::1", undefined],
    ["unknown", undefined],
    ["_hidden", undefined],
  ])("is read from the node %s", (node, address) => {
    expect(addressOfNode(node)).toBe(address);
  });
});

describe("the client of a request", () => {
  const isInternal = (address: string): boolean => address.startsWith("10.");

  test.each<[string | undefined, string | undefined, number | ((address: string) => boolean), string]>([
    ["198.51.100.7", PEER, 0, PEER],
    ["198.51.100.7", PEER, 1, "198.51.100.7"],
    ["203.0.113.9, 198.51.100.7", PEER, 1, "198.51.100.7"],
    ["203.0.113.9, 198.51.100.7", PEER, 2, "203.0.113.9"],
    ["198.51.100.7", PEER, 2, "198.51.100.7"],
    ["", PEER, 1, PEER],
    [undefined, PEER, 1, PEER],
    ["198.51.100.7 , 203.0.113.9", PEER, 2, "198.51.100.7"],
    ["unknown", PEER, 1, PEER],
    ["203.0.113.9, unknown", PEER, 2, PEER],
    ["198.51.100.7,", PEER, 1, PEER],
    ["203.0.113.9, 198.51.100.7, 10.0.0.2", "10.0.0.1", isInternal, "198.51.100.7"],
    ["10.0.0.9, 198.51.100.7", PEER, isInternal, PEER],
  ])("of X-Forwarded-For: %s from %s with trust in %s is %s", (field, peer, trust, client) => {
    expect(clientAddress(peer, field, trust, "x-forwarded-for")).toBe(client);
  });

  test.each([
    ["for=198.51.100.7", "198.51.100.7"],
    ['For="[2001:db8::1]:4711";proto=https', "2001:db8:0:0:0:0:0:1"],
    ["for=203.0.113.9, for=198.51.100.7;by=203.0.113.43", "198.51.100.7"],
    // Quotes that a client leaves open, or values with commas, do not change what the proxy has appended.
    ['for="203.0.113.9, for=198.51.100.7', "198.51.100.7"],
    ['for="a\\", for=203.0.113.9, for=198.51.100.7', "198.51.100.7"],
    ['for=198.51.100.7;host="x, for=203.0.113.9"', "198.51.100.7"],
    ['for=198.51.100.7;host="x;for=203.0.113.9"', "198.51.100.7"],
    ['for=198.51.100.7;host="x\\", for=203.0.113.9"', "198.51.100.7"],
    ['for=203.0.113.9, for=198.51.100.7;host="x\\\\"', "198.51.100.7"],
    ['for="198.51.100.\\7"', "198.51.100.7"],
    ["for=198.51.100.7 ; proto=https", "198.51.100.7"],
    ['for=x"198.51.100.7"', PEER],
    ['for="198.51.100.7"x', PEER],
    ["for=198.51.100.7;for=203.0.113.9", PEER],
    ["for=unknown", PEER],
    ["by=198.51.100.7", PEER],
  ])("of Forwarded: %s behind one proxy is %s", (field, client) => {
    expect(clientAddress(PEER, field, 1, "forwarded")).toBe(client);
  });

  test("is not known from a connection that has ended, whatever a field says, if addresses are trusted", () => {
    expect(clientAddress(undefined, "198.51.100.7", () => true, "x-forwarded-for")).toBeUndefined();
  });

  const headers: readonly ProxyHeader[] = ["x-forwarded-for", "forwarded"];
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom(
      ",",
      ";",
      '"',
      "\\",
      "for=",
      " ",
      "[",
      "]",
      "%",
      ":",
      "unknown",
      "203.0.113.9",
      "2001:db8::1",
    ),
    fc.ipV4(),
    fc.ipV6(),
  );
  const hostile = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));

  test.each(headers)(
    "is the one the trusted proxy names, whatever stands to the left of it in %s",
    (header) => {
      fc.assert(
        fc.property(hostile, fc.ipV4(), (given, client) => {
          const named = header === "forwarded" ? `for=${client}` : client;
          expect(clientAddress(PEER, `${given}, ${named}`, 1, header)).toBe(canonicalAddress(client));
          expect(clientAddress(PEER, `${given}, ${named}`, 0, header)).toBe(PEER);
          fc.pre(client !== PEER);
          expect(clientAddress(client, given, (address) => address === PEER, header)).toBe(client);
        }),
        { numRuns: 1000 },
      );
    },
  );

  test.each(headers)("is an address or nothing, and never fails, for anything in %s", (header) => {
    const anything = (): unknown =>
      fc.assert(
        fc.property(hostile, hostile, fc.integer({ min: 0, max: 100 }), (peer, field, trust) => {
          const client = clientAddress(peer, field, trust, header);
          return client === undefined || canonicalAddress(client) === client;
        }),
        { numRuns: 1000 },
      );
    expect(anything).not.toThrow();
  });

  test("is found behind a thousand hops", () => {
    const hops = Array.from({ length: 1000 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
    expect(clientAddress("10.9.9.9", ["203.0.113.9", ...hops].join(","), isInternal, "x-forwarded-for")).toBe(
      "203.0.113.9",
    );
    expect(clientAddress(PEER, ["203.0.113.9", ...hops].join(","), 1, "x-forwarded-for")).toBe("10.0.3.231");
  });
});
