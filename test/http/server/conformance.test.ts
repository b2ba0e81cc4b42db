import { once } from "node:events";
import http from "node:http";
import fc from "fast-check";
import { isInnerList, parseList } from "structured-headers";
import { describe, expect, test } from "vitest";
import { limitRequest, rateLimit } from "../../../src/http/index.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { serve } from "../client/servers.js";

const request = (): Request => new Request("http://localhost/");

const setting = fc.record({
  rates: fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 4 }),
  names: fc.uniqueArray(
    fc.string({
      minLength: 1,
      maxLength: 64,
      unit: fc.constantFrom("a", "Z", "9", " ", '"', "\\", ";", ",", "=", ":", "~"),
    }),
    {
      minLength: 4,
      maxLength: 4,
    },
  ),
  per: fc.integer({ min: 1, max: 100_000 }),
  cost: fc.integer({ min: 1, max: 5 }),
  pause: fc.integer({ min: 0, max: 5000 }),
});

/** The items of a field, by an independent parser. */
function items(field: string | null): readonly (readonly [unknown, ReadonlyMap<string, unknown>])[] {
  return parseList(field ?? "").map((item) => {
    if (isInnerList(item)) throw new Error("an inner list");
    return [item[0], item[1]] as const;
  });
}

const isInteger = (value: unknown, least: number): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= least;

async function run(
  { rates, names, per, cost, pause }: typeof setting extends fc.Arbitrary<infer Value> ? Value : never,
  check: (headers: Headers, isRefused: boolean) => void,
): Promise<void> {
  const clock = new ManualClock();
  const limits = rates.map((rate, at) => ({ name: names[at] ?? "", rate, per }));
  const limit = limitRequest({ limits, cost: () => cost, clock });
  for (let at = 0; at < 8; at++) {
    const { refused, fields } = await limit(request(), { address: "192.0.2.1" });
    check(refused?.headers ?? new Headers(fields), refused !== undefined);
    await clock.advance(pause);
  }
}

describe("the fields of draft 11", () => {
  test("both fields are lists of strings with integers as the draft has them, whatever the limits and their names", async () => {
    await fc.assert(
      fc.asyncProperty(setting, async (given) => {
        await run(given, (headers) => {
          const policies = items(headers.get("ratelimit-policy"));
          expect(policies.map(([name]) => name)).toEqual(given.names.slice(0, given.rates.length));
          expect(policies.every(([, at]) => isInteger(at.get("q"), 0) && isInteger(at.get("w"), 1))).toBe(
            true,
          );
          const told = items(headers.get("ratelimit"));
          expect(told.length).toBeGreaterThan(0);
          expect(told.every(([name]) => given.names.includes(String(name)))).toBe(true);
          expect(
            told.every(
              ([, at]) =>
                isInteger(at.get("r"), 0) &&
                [undefined, true].includes(at.has("t") ? isInteger(at.get("t"), 0) : undefined),
            ),
          ).toBe(true);
        });
      }),
      { numRuns: 100 },
    );
  });

  test("Retry-After is never before t", async () => {
    await fc.assert(
      fc.asyncProperty(setting, async (given) => {
        await run(given, (headers, isRefused) => {
          const after = headers.get("retry-after");
          expect(after === null || isRefused).toBe(true);
          const times = items(headers.get("ratelimit")).map(([, at]) => Number(at.get("t") ?? 0));
          expect(after === null || Number(after) >= Math.max(...times)).toBe(true);
        });
      }),
      { numRuns: 100 },
    );
  });

  test("what is told can be used at once, and after t there is as much as the policy says", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 50 }),
        async (burst, per, used) => {
          const clock = new ManualClock();
          const limit = limitRequest({ limits: [{ rate: burst, per, burst }], clock });
          const ask = async () => {
            const { refused, fields } = await limit(request());
            const headers = new Headers(fields);
            const [[, told] = ["", new Map<string, unknown>()]] = items(headers.get("ratelimit"));
            return { isRefused: refused !== undefined, r: Number(told.get("r")), t: Number(told.get("t")) };
          };
          let last = await ask();
          for (let at = 1; at < Math.min(used, burst); at++) last = await ask();
          for (let at = last.r; at > 0; at--) {
            last = await ask();
            expect(last.isRefused).toBe(false);
          }
          await clock.advance(last.t);
          expect(await ask()).toMatchObject({ isRefused: false, r: burst - 1 });
        },
      ),
      { numRuns: 50 },
    );
  });

  test("there are no parameters but the draft's, and RateLimit-Policy is the same in a row of responses", async () => {
    const secret = "a secret of the test";
    for (const options of [{}, { pk: secret }, { cost: () => 2 }] as const) {
      const limits = [
        { name: "a", rate: 2, per: "1m", burst: 4 },
        { name: "b", rate: 9, per: "1h" },
      ] as const;
      const limit = limitRequest({ limits, ...options });
      const policies = new Set<string | null>();
      for (let count = 0; count < 5; count++) {
        const { refused, fields } = await limit(request());
        const headers = refused?.headers ?? new Headers(fields);
        policies.add(headers.get("ratelimit-policy"));
        const known = { ratelimit: ["r", "t", "pk"], "ratelimit-policy": ["q", "qu", "w", "pk"] };
        for (const [field, keys] of Object.entries(known)) {
          const sent = items(headers.get(field)).flatMap(([, at]) => [...at.keys()]);
          expect(sent.filter((key) => !keys.includes(key))).toEqual([]);
        }
      }
      expect(policies.size).toBe(1);
    }
  });

  test("a quota whose field tells more than the burst is never told: nobody is invited to send more at once", async () => {
    await fc.assert(
      fc.asyncProperty(setting, async (given) => {
        await run(given, (headers) => {
          const sizes = new Map(
            items(headers.get("ratelimit-policy")).map(([name, at]) => [name, at.get("q")]),
          );
          const told = items(headers.get("ratelimit"));
          expect(told.every(([name, at]) => Number(at.get("r")) <= Number(sizes.get(name)))).toBe(true);
        });
      }),
      { numRuns: 50 },
    );
  });

  test("a response has no character of a name that could end a field or leave problem details", async () => {
    const name = `"</script>\\;r=9, "x`;
    const limit = limitRequest({ limits: [{ name, rate: 1, per: "1h" }] });
    await limit(request());
    const { refused } = await limit(request());
    const text = (await refused?.text()) ?? "";
    expect(text).not.toMatch(/[<>&]/);
    expect(JSON.parse(text)).toMatchObject({ "violated-policies": [name] });
    expect(items(refused?.headers.get("ratelimit") ?? "")).toHaveLength(1);
  });
});

test("trailers of the application stay as they are", async () => {
  const limit = rateLimit({ limits: [{ rate: 1, per: "1h" }] });
  await using server = await serve(async (incoming, response) => {
    if (!(await limit(incoming, response))) return;
    response.setHeader("Trailer", "X-Sum");
    response.write("well");
    response.addTrailers({ "X-Sum": "4" });
    response.end();
  });
  for (const trailers of [{ "x-sum": "4" }, {}]) {
    const sent = http.get(server.url, { agent: false });
    const [response] = (await once(sent, "response")) as [http.IncomingMessage];
    await once(response.resume(), "end");
    expect(response.headers["ratelimit"]).toBeDefined();
    expect(response.trailers).toEqual(trailers);
  }
});
