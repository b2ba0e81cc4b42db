import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../../..");

test("the program for Express runs with Express 4 as it does with Express 5", async () => {
  const program = fs.readFileSync(path.join(root, "examples/http-express.mjs"), "utf8");
  const run = async (code: string): Promise<string> => {
    const args = ["--input-type=module", "--eval", code];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
    // When to come back depends on how long the program took.
    return stdout.replaceAll(/429 \d+/g, "429");
  };
  const withOlder = program.replace('from "express"', 'from "express-4"');
  expect(withOlder).not.toBe(program);
  const [older, newer] = await Promise.all([run(withOlder), run(program)]);
  expect(older).toMatch(/3 429/);
  expect(older).toBe(newer);
});
