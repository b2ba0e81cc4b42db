import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const fixture = fileURLToPath(new URL("../fixtures/config-watcher.mjs", import.meta.url));

const rate = (value: number | string): string => `resilience: { rate_limiter: { rate: ${value} } }\n`;

/** A file that says a rate, and what replaces it as an editor does. */
function file(): { readonly name: string; readonly save: (text: string) => void } {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "kstlib-watcher-"));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  const name = path.join(folder, "kstlib.conf.yml");
  const save = (text: string): void => {
    fs.writeFileSync(`${name}.new`, text);
    fs.renameSync(`${name}.new`, name);
  };
  save(rate(20));
  return { name, save };
}

async function start(scenario: string, name: string): Promise<ChildProcess> {
  const child = fork(fixture, [scenario, name]);
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "message");
  return child;
}

test("a program follows a file that is replaced, in both builds of the package, until it stops", async () => {
  const { name, save } = file();
  const child = await start("follow", name);
  for (const [text, said] of [
    [
      rate(30),
      {
        rates: [30, 30],
        components: [
          ["esm", "rate"],
          ["cjs", "rate"],
        ],
      },
    ],
    [rate("fast"), { error: "ConfigError", line: 1 }],
    [rate(30), { rates: [30, 30], components: [] }],
  ] as const) {
    const told = once(child, "message");
    save(text);
    expect((await told)[0]).toEqual(said);
  }
  const ended = once(child, "exit");
  child.send("enough");
  expect(await ended).toEqual([0, null]);
});

test.skipIf(process.platform === "win32")("a SIGHUP reads the file at once", async () => {
  const { name, save } = file();
  const child = await start("reload", name);
  const told = once(child, "message");
  save(rate(40));
  child.kill("SIGHUP");
  expect((await told)[0]).toMatchObject({ rates: [40, 40] });
});

test("a watcher does not keep the process alive", () => {
  const { name } = file();
  expect(execFileSync(process.execPath, [fixture, "nothing", name], { encoding: "utf8" })).toBe("");
});

test("following a file does not keep components from being collected", () => {
  const { name } = file();
  const said = execFileSync(process.execPath, ["--expose-gc", fixture, "forgets", name], {
    encoding: "utf8",
  });
  const { kilobytes } = JSON.parse(said) as { kilobytes: number };
  // Fifty thousand limiters are some fifty thousand kilobytes.
  expect(kilobytes).toBeLessThan(10_000);
});
