import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import fc from "fast-check";
import { isInnerList, parseList } from "structured-headers";
import { describe, expect, test } from "vitest";
import {
  type HeaderForm,
  limitRequest,
  type ProxyHeader,
  rateLimit,
  type RateLimitOptions,
} from "../../../src/http/index.js";
import { bucketOf, canonicalAddress } from "../../../src/http/server/address.js";

/** What a client may write into a field: anything, with the pieces that mean something to a parser. */
const piece = fc.oneof(
  fc.string({ unit: fc.constantFrom(...Array.from('abc019.:,;="\\[]%_ \t/~')) }),
  fc.constantFrom(",", ";", '"', '\\"', "\\", "for=", 'For="', ";for=", ", ", "by=", "[", "]", "%eth0"),
  fc.constantFrom(
    "unknown",
    "_hidden",
    "203.0.113.9",
    "::ffff:203.0.113.9",
    "[2001:db8::1]:80",
    "fe80::1%eth0",
  ),
  fc.ipV4(),
  fc.ipV6(),
);
const hostile = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(""));
const address = fc.oneof(fc.ipV4(), fc.ipV6());
const headers: readonly ProxyHeader[] = ["x-forwarded-for", "forwarded"];

/** How a proxy may write whom it forwards for. */
const written: Readonly<Record<ProxyHeader, fc.Arbitrary<(client: string) => string>>> = {
  "x-forwarded-for": fc.constantFrom(
    (client: string) => client,
    (client: string) => (client.includes(":") ? `[${client}]:4711` : `${client}:4711`),
  ),
  forwarded: fc.constantFrom(
    (client: string) => (client.includes(":") ? `for="[${client}]"` : `for=${client}`),
    (client: string) => (client.includes(":") ? `For="[${client}]:4711"` : `For="${client}:4711"`),
    (client: string) => `by=203.0.113.43;for="${client.includes(":") ? `[${client}]` : client}";proto=https`,
    (client: string) => `for="${client.includes(":") ? `[${client}]` : client}";host="a,b;for=192.0.2.9"`,
  ),
};

interface Sent {
  readonly from: string;
  readonly fields: Readonly<Record<string, string | string[]>>;
}

/** The buckets that requests count in. */
function bucketsOf(
  options: Pick<RateLimitOptions, "trustProxy" | "proxyHeader">,
  requests: readonly Sent[],
): Promise<string[]> {
  const buckets: string[] = [];
  const limiter = {
    rate: 1,
    per: 1,
    burst: 1,
    tryAcquire: (key: string) => buckets.push(key) > 0,
    timeUntilToken: () => 0,
  };
  const limit = rateLimit<IncomingMessage, ServerResponse>({ ...options, limiter });
  return requests.reduce(async (before, { from, fields }) => {
    await before;
    const request = new IncomingMessage(
      Object.defineProperty(new Socket(), "remoteAddress", { value: from }),
    );
    Object.assign(request.headers, fields);
    await limit(request, new ServerResponse(request));
    return buckets;
  }, Promise.resolve(buckets));
}

/** The field as the last of the proxies sends it: what the client wrote, then what each has appended. */
const through = (
  said: string,
  client: string,
  hops: readonly string[],
  write: (client: string) => string,
): string => [said, ...[client, ...hops].slice(0, -1).map(write)].join(", ");

const own = (client: string): string => bucketOf(canonicalAddress(client) ?? "no address");

describe("a client", () => {
  test("without trustProxy has the bucket of its address, and no other, whatever it sends", async () => {
    const names = fc.constantFrom(
      "x-forwarded-for",
      "forwarded",
      "x-real-ip",
      "cf-connecting-ip",
      "via",
      "host",
    );
    const fields = fc.dictionary(names, fc.oneof(hostile, fc.array(hostile, { maxLength: 3 })));
    const proxyHeader = fc.constantFrom(...headers);
    await fc.assert(
      fc.asyncProperty(
        address,
        fc.array(fields, { minLength: 1, maxLength: 5 }),
        proxyHeader,
        async (from, all, header) => {
          const buckets = await bucketsOf(
            { proxyHeader: header },
            all.map((each) => ({ from, fields: each })),
          );
          expect(new Set(buckets)).toEqual(new Set([own(from)]));
        },
      ),
      { numRuns: 300 },
    );
  });

  test.each(headers)(
    "behind proxies has the bucket of its address, whatever it writes into %s before they do",
    async (header) => {
      const hops = fc.array(address, { minLength: 1, maxLength: 5 });
      const asNumber = fc.boolean();
      await fc.assert(
        fc.asyncProperty(
          address,
          fc.array(hostile, { minLength: 1, maxLength: 4 }),
          hops,
          written[header],
          asNumber,
          async (client, said, proxies, write, isNumber) => {
            // With a function, a client that has the address of a proxy is believed.
            const known = new Set(proxies.map((proxy) => canonicalAddress(proxy)));
            fc.pre(isNumber || !known.has(canonicalAddress(client)));
            const trustProxy = isNumber ? proxies.length : (proxy: string) => known.has(proxy);
            const buckets = await bucketsOf(
              { trustProxy, proxyHeader: header },
              said.map((each) => ({
                from: proxies.at(-1) ?? "",
                fields: { [header]: through(each, client, proxies, write) },
              })),
            );
            expect(new Set(buckets)).toEqual(new Set([own(client)]));
          },
        ),
        { numRuns: 500 },
      );
    },
  );

  test.each(headers)("cannot have more buckets by more lines of %s", async (header) => {
    await fc.assert(
      fc.asyncProperty(
        address,
        fc.array(hostile, { maxLength: 5 }),
        written[header],
        async (client, lines, write) => {
          const fields = { [header]: [...lines, write(client)] };
          expect(
            await bucketsOf({ trustProxy: 1, proxyHeader: header }, [{ from: "10.0.0.1", fields }]),
          ).toEqual([own(client)]);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("has one bucket for all addresses of its /64, and none of another /64", async () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    const groups = fc.array(group, { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(groups, groups, groups, groups, async (prefix, one, other, another) => {
        // Those mapped from IPv4 are not one client's.
        fc.pre(prefix.join("") !== "0000" && another.join("") !== "0000");
        const of = async (...parts: readonly string[][]): Promise<string | undefined> =>
          (await bucketsOf({}, [{ from: parts.flat().join(":"), fields: {} }]))[0];
        expect(await of(prefix, one)).toBe(await of(prefix, other));
        fc.pre(prefix.join(":") !== another.join(":"));
        expect(await of(prefix, one)).not.toBe(await of(another, one));
      }),
      { numRuns: 200 },
    );
  });
});

describe("a response", () => {
  const forms: readonly HeaderForm[] = ["draft-11", "draft-7", "draft-6", "legacy", false];
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: fc.constantFrom(...Array.from('\r\n\0"\\;,=<>&é\u2028 a')) }),
  );

  /** What a refused request gets. */
  async function refusal(options: Partial<RateLimitOptions<Request>>): Promise<Response> {
    const limit = limitRequest({ cost: () => 2, ...options });
    const { refused } = await limit(new Request("http://localhost/"));
    return refused ?? Response.error();
  }

  test.each(forms)(
    "has only printable ASCII in its fields and nothing that is markup in its body, with headers: %j",
    async (form) => {
      const limiter = { rate: 1, per: 1, burst: 1, tryAcquire: () => false, timeUntilToken: () => 1 };
      await fc.assert(
        fc.asyncProperty(text, text, async (name, key) => {
          const given = { headers: form, key: () => key, pk: "a secret of sixteen or more" };
          const responses = [await refusal({ ...given, limiter: { ...limiter, name } })];
          const limits = [{ name, rate: 1, per: "1h" }] as const;
          const [named] = await Promise.allSettled([refusal({ ...given, limits })]);
          expect(named.status === "fulfilled").toBe(/^[\x20-\x7e]{1,64}$/.test(name));
          if (named.status === "fulfilled") responses.push(named.value);
          for (const response of responses) {
            expect(response.status).toBe(429);
            for (const [, value] of response.headers) expect(value).toMatch(/^[\x20-\x7e]*$/);
            const body = await response.text();
            expect(body).toMatch(/^[\x20-\x7e]+$/);
            expect(body).not.toMatch(/[<>&]/);
            const { "violated-policies": policies } = JSON.parse(body) as { "violated-policies": unknown };
            if (form !== "draft-11") continue;
            // What a client reads is one item with this name, and neither more items nor other parameters.
            for (const field of ["ratelimit", "ratelimit-policy"]) {
              const items = parseList(response.headers.get(field) ?? "");
              expect(items.map((item) => (isInnerList(item) ? "a list" : item[0]))).toEqual(policies);
              const parameters = items.flatMap(([, of]) => [...of.keys()]);
              expect(
                parameters.filter((parameter) => !["q", "w", "r", "t", "pk"].includes(parameter)),
              ).toEqual([]);
            }
          }
        }),
        { numRuns: 200 },
      );
    },
  );
});
