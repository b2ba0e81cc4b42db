import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limitRequest } from "../../../src/http/index.js";

describe("the type of a refusal", () => {
  const token = fc.string({
    unit: fc.constantFrom(...Array.from("abzAZ09!#$%&'*+-.^_`|~")),
    minLength: 1,
    maxLength: 8,
  });
  const quoted = fc
    .string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCodePoint(code)) })
    .map((text) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`);
  const mediaType = fc
    .tuple(token, token, fc.array(fc.tuple(token, fc.oneof(token, quoted)), { maxLength: 3 }))
    .map(
      ([type, subtype, all]) => `${type}/${subtype}${all.map(([name, is]) => `; ${name}=${is}`).join("")}`,
    );
  const broken = fc.constantFrom(
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\u2028",
    "é",
    "Ċ",
    "č",
    '"',
    ";",
    "=",
    " ",
    ",",
    ":",
    "/",
  );

  /** The answer to a refused request, or the error of whoever is asked for its words. */
  async function answered(contentType: unknown): Promise<Headers | Error> {
    const refusal = () => ({ contentType: contentType as string, body: "no" });
    const limit = limitRequest({ limits: [{ rate: 1 }], cost: () => 2, refusal });
    try {
      const { refused } = await limit(new Request("http://localhost/"));
      return refused?.headers ?? new Error("admitted");
    } catch (error) {
      return error as Error;
    }
  }

  test("is sent as it is, if it is a media type", async () => {
    await fc.assert(
      fc.asyncProperty(mediaType, async (type) => {
        const headers = (await answered(type)) as Headers;
        expect([...headers.keys()].toSorted()).toEqual([
          "cache-control",
          "content-type",
          "ratelimit",
          "ratelimit-policy",
        ]);
        expect(headers.get("content-type")).toBe(type.trim());
      }),
      { numRuns: 300 },
    );
  });

  test("sets no other field and splits no answer, whatever it has in it", async () => {
    const hostileType = fc
      .tuple(mediaType, broken, fc.oneof(fc.string(), fc.constant("Set-Cookie: a=b")), fc.nat())
      .map(([type, piece, more, at]) => {
        const cut = at % (type.length + 1);
        return `${type.slice(0, cut)}${piece}${more}${type.slice(cut)}`;
      });
    await fc.assert(
      fc.asyncProperty(hostileType, async (type) => {
        const got = await answered(type);
        const isWhole = /^[\t\x20-\x7e]*$/.test(type);
        // What is no error is sent as it is.
        const found =
          got instanceof Error ? [got.name, got.message] : [got.get("content-type"), ...got.keys()];
        const ofError = /^contentType of what refusal returns[^\r\n]*$/;
        expect([
          ["RangeError", expect.stringMatching(ofError)],
          ...(isWhole
            ? [[type.trim(), "cache-control", "content-type", "ratelimit", "ratelimit-policy"]]
            : []),
        ]).toContainEqual(found);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["a/b\r\nSet-Cookie: a=b"],
    ["a/b\nSet-Cookie: a=b"],
    ['a/b; c="\r\n"'],
    ["a/b, c/d"],
    ["a/b;"],
    ["text"],
    [""],
    [" a/b"],
    ["a/\u010a"],
  ])("is an error if it is %j", async (type) => {
    expect(await answered(type)).toBeInstanceOf(RangeError);
  });

  test("costs no more time the longer it is than to read it", async () => {
    // What backtracks would not come to an end.
    for (const piece of ["a", " ", ";", "\\\\", ";a=b", ' ;a="b"']) {
      const types = [`a/b${piece.repeat(20_000)}\n`, `a/b;a="${piece.repeat(20_000)}\n`];
      for (const type of types) expect(await answered(type)).toBeInstanceOf(RangeError);
    }
  });

  test.each([[undefined], [null], [7], [["a/b"]], [{ toString: () => "a/b" }]])(
    "is a text: %j is an error",
    async (type) => {
      expect(await answered(type)).toBeInstanceOf(TypeError);
    },
  );

  test("may be a getter that answers differently: what was checked is sent", async () => {
    let reads = 0;
    const content = {
      body: "no",
      get contentType() {
        return reads++ === 0 ? "a/b" : "a/b\r\nSet-Cookie: a=b";
      },
    };
    const limit = limitRequest({ limits: [{ rate: 1 }], cost: () => 2, refusal: () => content });
    const { refused } = await limit(new Request("http://localhost/"));
    expect([refused?.headers.get("content-type"), reads]).toEqual(["a/b", 1]);
  });
});
