import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const read = (file: string): string => fs.readFileSync(path.join(root, file), "utf8");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "examples/README.md",
  "examples/deploy/README.md",
  "examples/grafana/README.md",
].concat(
  fs
    .readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name.replaceAll("\\", "/")}`),
);

function withoutCode(text: string): string {
  return text.replaceAll(/^```[^]*?^```/gm, "");
}

/** The anchors that GitHub gives to the headings of a document. */
function anchorsOf(file: string): readonly string[] {
  const headings = withoutCode(read(file)).matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\-_ ]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The links of a document that lead nowhere in this repository. */
function deadLinks(file: string): readonly string[] {
  const links = [...withoutCode(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [to = "", anchor] = link.split("#");
    const target = to === "" ? file : path.join(path.dirname(file), to);
    if (!fs.existsSync(path.join(root, target))) return true;
    return anchor !== undefined && !anchorsOf(target).includes(anchor);
  });
}

test.each(documents)("every link of %s leads to a file and a heading", (file) => {
  expect(deadLinks(file)).toEqual([]);
});

describe("the README", () => {
  const text = read("README.md");
  const languages = [...text.matchAll(/^```(\w+)/gm)].map(([, language]) => language);

  test("has at most 1,500 words", () => {
    expect(text.split(/\s+/).filter(Boolean).length).toBeLessThanOrEqual(1500);
  });

  test("shows code as JavaScript, without syntax that Node.js 20 lacks", () => {
    expect(languages).toContain("js");
    expect(languages).not.toContain("ts");
    expect(text).not.toMatch(/^\s*(?:await )?using /m);
  });
});
