import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cut, displayWidth, harmless, harmlessJson, padded } from "../../src/cli/plain-text.js";
import { tableLines } from "../../src/cli/table.js";

const plain = (text: string): string => text;

describe("text from a file", () => {
  test.each([
    ["an escape sequence", "\u001B[31mred\u001B[0m", String.raw`\x1b[31mred\x1b[0m`],
    ["a new line", "one\ntwo\r\n", String.raw`one\ntwo\x0d\n`],
    ["a one-byte control sequence", "\u009B2J", String.raw`\x9b2J`],
    ["a turned direction", "a\u202Eb\u2066", String.raw`a\u{202e}b\u{2066}`],
    ["what cannot be seen", "a\u200B\u00ADb", String.raw`a\u{200b}\xadb`],
    ["half a character", "\uD83D", String.raw`\u{d83d}`],
    ["a tag", "\u{E0041}", String.raw`\u{e0041}`],
    ["a tower of marks", `e${"\u0301".repeat(50)}`, "e\u0301\u0301\u0301"],
  ])("is shown harmless: %s", (_what, text, shown) => {
    expect(harmless(text)).toBe(shown);
  });

  test("is unchanged if it is harmless", () => {
    const text = "Zürich 漢字 🎉 ½ – “quoted” | a=b";
    expect(harmless(text)).toBe(text);
  });

  test("never keeps a control character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(harmless(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});

describe("JSON for a terminal", () => {
  test("is the same data, and harmless", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = harmlessJson(value, indent);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(text).not.toMatch(/[^\P{C}\n]|\p{Zl}|\p{Zp}/u);
      }),
    );
  });
});

describe("the width of a text", () => {
  test.each([
    ["abc", 3],
    ["漢字", 4],
    ["ｆｕ", 4],
    ["한국", 4],
    ["🎉", 2],
    ["é", 1],
    ["e\u0301", 1],
    ["", 0],
  ])("%j is %i columns", (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  test("is not exceeded after a cut, and is exact after padding", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(30), (raw, width) => {
        const text = harmless(raw);
        expect(displayWidth(cut(text, width))).toBeLessThanOrEqual(width);
        expect(displayWidth(padded(text, width))).toBe(width);
        expect(cut(text, width) === text).toBe(displayWidth(text) <= width);
      }),
    );
  });

  test("ends with an ellipsis where it was cut", () => {
    expect(cut("abcdef", 4)).toBe("abc…");
    expect(cut("漢字漢字", 4)).toBe("漢…");
    expect(cut("abc", 0)).toBe("");
  });
});

describe("a table", () => {
  const columns = [
    { title: "NAME", least: 8, cutFirst: 1 },
    { title: "AGE", right: true },
    { title: "REST", least: 5, cutFirst: 0 },
  ];
  const rows = [
    [{ text: "a-long-name" }, { text: "1s" }, { text: "x".repeat(40) }],
    [{ text: "b" }, { text: "100s" }, { text: "" }],
  ];

  test("is as wide as its texts without a terminal", () => {
    expect(tableLines(columns, rows, plain, undefined)).toEqual([
      "NAME          AGE  REST",
      `a-long-name    1s  ${"x".repeat(40)}`,
      "b            100s",
    ]);
  });

  test("cuts the least important column first, and the others when that is not enough", () => {
    expect(tableLines(columns, rows, plain, 30)[1]).toBe("a-long-name    1s  xxxxxxxxxx…");
    expect(tableLines(columns, rows, plain, 22)[1]).toBe("a-long-n…    1s  xxxx…");
  });

  test("is never wider than the terminal as long as anything can be cut", () => {
    for (let width = 16; width < 70; width++) {
      for (const line of tableLines(columns, rows, plain, width)) {
        expect(displayWidth(line)).toBeLessThanOrEqual(width);
      }
    }
  });

  test("paints the texts and not the spaces between them", () => {
    const painted = tableLines(
      [{ title: "" }, { title: "" }],
      [[{ text: "ok", colours: ["green"], lead: { text: "!", colours: ["red"] } }, { text: "z" }]],
      (text, ...colours) => (text === "" ? "" : `<${colours.join("+")}:${text}>`),
      undefined,
    );
    expect(painted).toEqual(["<red:!><green:  ok>  <:z>"]);
  });
});
