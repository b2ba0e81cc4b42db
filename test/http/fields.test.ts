import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePolicy, parseRateLimit, writePolicy, writeRateLimit } from "../../src/http/fields.js";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

describe("reading", () => {
  test("the examples of the draft", () => {
    expect(parsePolicy('"permin";q=50;w=60,"perhr";q=1000;w=3600')).toStrictEqual([
      { name: "permin", quota: 50, window: 60 },
      { name: "perhr", quota: 1000, window: 3600 },
    ]);
    expect(parseRateLimit('"permin";r=0;t=12')).toStrictEqual([
      { name: "permin", remaining: 0, seconds: 12 },
    ]);
    expect(parsePolicy('"peruser";q=65535;qu="content-bytes";w=10;pk=:c2RmbGtq:')).toStrictEqual([
      { name: "peruser", quota: 65535, unit: "content-bytes", window: 10, partition: bytes("sdflkj") },
    ]);
    expect(parseRateLimit('"peruser";r=3;pk=:c2RmbGtq:')).toStrictEqual([
      { name: "peruser", remaining: 3, partition: bytes("sdflkj") },
    ]);
  });

  test("no more than there is", () => {
    expect(parsePolicy('"a";q=1')).toStrictEqual([{ name: "a", quota: 1 }]);
  });

  test("several lines of a field are one list, and parameters that are not known are ignored", () => {
    expect(parseRateLimit(['"a";r=1;acme-x=tok', '"b";r=2;t=3'])).toStrictEqual([
      { name: "a", remaining: 1 },
      { name: "b", remaining: 2, seconds: 3 },
    ]);
  });

  test.each([
    ["no field", undefined],
    ["no field, as fetch says it", null],
    ["an empty field", ""],
    ["draft 7", "limit=100, remaining=50, reset=30"],
    ["draft 6", "100;w=60"],
    ["a name that is a token", "burst;r=1"],
    ["a name that is a number", "1;r=1"],
    ["no r", '"a";t=5'],
    ["r without a value", '"a";r'],
    ["r below 0", '"a";r=-1'],
    ["r that is no integer", '"a";r=1.5'],
    ["r that is a string", '"a";r="1"'],
    ["r beyond the largest integer", '"a";r=1000000000000000'],
    ["r as a date", '"a";r=@1'],
    ["t below 0", '"a";r=1;t=-1'],
    ["t that is no integer", '"a";r=1;t=0.5'],
    ["pk that is a string", '"a";r=1;pk="x"'],
    ["an inner list", '("a" "b");r=1'],
    ["a comma at the end", '"a";r=1,'],
    ["one good item and one bad", '"a";r=1, "b"'],
    ["an open string", '"a;r=1'],
    ["a line break", '"a";r=1\n"b";r=2'],
  ])("of a field that is malformed nothing is read: %s", (_, field) => {
    expect(parseRateLimit(field)).toEqual([]);
  });

  test.each(['"a"', '"a";q=1;w=0', '"a";q=1;w=1.5', '"a";q=-1', '"a";q=1;qu=requests', '"a";q=1;pk=1'])(
    "nor of a policy: %s",
    (field) => {
      expect(parsePolicy(field)).toEqual([]);
    },
  );

  test("no text makes it throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^["a-z0-9;=:,.@?()\\ -]*$/)),
        (field) => {
          expect(parseRateLimit(field)).toBeInstanceOf(Array);
          expect(parsePolicy(field)).toBeInstanceOf(Array);
        },
      ),
    );
  });
});

/** Takes a field apart by RFC 9651 alone: written for these tests, without the library of the sources. */
function apart(field: string): unknown[] {
  const item =
    /"((?:[^"\\]|\\["\\])*)"((?:;[a-z*][a-z0-9_.*-]*=(?:-?\d{1,15}|"(?:[^"\\]|\\["\\])*"|:[A-Za-z0-9+/=]*:))*)(?:, |$)/gy;
  const items = [...field.matchAll(item)];
  expect(items.map(([all]) => all).join("")).toBe(field);
  return items.map(([, name = "", parameters = ""]) => ({
    name: name.replaceAll(/\\(.)/g, "$1"),
    parameters: [...parameters.matchAll(/;([^=]*)=("(?:[^"\\]|\\.)*"|[^;]*)/g)].map(([, key, value]) => [
      key,
      value,
    ]),
  }));
}

describe("writing", () => {
  test("as the draft's examples", () => {
    expect(
      writePolicy([
        { name: "permin", quota: 50, window: 60 },
        { name: "b", quota: 1, unit: "content-bytes", partition: bytes("sdflkj") },
      ]),
    ).toBe('"permin";q=50;w=60, "b";q=1;qu="content-bytes";pk=:c2RmbGtq:');
    expect(writeRateLimit([{ name: "permin", remaining: 0, seconds: 12 }])).toBe('"permin";r=0;t=12');
  });

  test("takes a partition key that lies in shared memory", () => {
    const partition = new Uint8Array(new SharedArrayBuffer(6));
    partition.set(bytes("sdflkj"));
    expect(writeRateLimit([{ name: "a", remaining: 1, partition }])).toBe('"a";r=1;pk=:c2RmbGtq:');
  });

  test("never promises more than there is", () => {
    expect(writeRateLimit([{ name: "a", remaining: 1.9, seconds: 0.1 }])).toBe('"a";r=1;t=1');
    expect(writeRateLimit([{ name: "a", remaining: -0.5, seconds: -1 }])).toBe('"a";r=0;t=0');
    expect(writeRateLimit([{ name: "a", remaining: Infinity }])).toBe('"a";r=999999999999999');
    expect(writePolicy([{ name: "a", quota: 2.5, window: 0.2 }])).toBe('"a";q=2;w=1');
  });

  test("a name cannot add an item or a line", () => {
    const [first, ...others] = apart(writeRateLimit([{ name: '";r=9, "x\\', remaining: 1 }]));
    expect(first).toEqual({ name: '";r=9, "x\\', parameters: [["r", "1"]] });
    expect(others).toEqual([]);
    expect(() => writeRateLimit([{ name: "a\r\nX: 1", remaining: 1 }])).toThrow("ASCII");
    expect(() => writePolicy([{ name: "é", quota: 1 }])).toThrow("ASCII");
  });

  test("what is written is what RFC 9651 reads, and what is read again", () => {
    const name = fc.stringMatching(/^[ -~]*$/);
    const integer = fc.integer({ min: 0, max: 1e9 });
    const partition = fc.uint8Array({ maxLength: 20 });
    const items = fc.array(
      fc.record(
        { name, remaining: integer, seconds: integer, partition },
        { requiredKeys: ["name", "remaining"] },
      ),
    );
    fc.assert(
      fc.property(items, (given) => {
        const field = writeRateLimit(given);
        expect(parseRateLimit(field)).toEqual(given);
        expect(apart(field)).toEqual(
          given.map((each) => ({
            name: each.name,
            parameters: [
              ["r", String(each.remaining)],
              ...(each.seconds === undefined ? [] : [["t", String(each.seconds)]]),
              ...(each.partition === undefined
                ? []
                : [["pk", `:${Buffer.from(each.partition).toString("base64")}:`]]),
            ],
          })),
        );
      }),
    );
  });
});
