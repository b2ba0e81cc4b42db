import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, expect, test, vi } from "vitest";
import { say } from "../../src/shutdown/say.js";
import { writeStderr } from "../../src/process/write-stderr.js";

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

/** Has stderr refuse that many writes, as a full pipe does, and then take a few bytes at a time. */
function fullFor(refusals: number, code = "EAGAIN"): () => string {
  let written = "";
  let left = refusals;
  vi.spyOn(fs, "writeSync").mockImplementation((_descriptor, data) => {
    if (left-- > 0) throw Object.assign(new Error(code), { code });
    const text = Buffer.from(data).toString().slice(0, 10);
    written += text;
    return text.length;
  });
  syncBuiltinESMExports();
  return () => written;
}

test("a line of a shutdown is written as soon as a full stderr has room for it", () => {
  const written = fullFor(2);
  say("the total of 1 s is over");
  expect(written()).toBe("[shutdown] the total of 1 s is over\n");
});

test("a stderr that stays full is abandoned", () => {
  const written = fullFor(Infinity);
  writeStderr("nobody reads this\n");
  expect(written()).toBe("");
});

test("a closed stderr is not tried again", () => {
  const written = fullFor(1, "EBADF");
  writeStderr("nobody reads this\n");
  expect(written()).toBe("");
});
