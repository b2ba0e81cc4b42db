import path from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { parseSettings } from "../../src/cli/supervise/settings.js";
import { FakeTerminal } from "./fake-terminal.js";

afterEach(() => void vi.unstubAllEnvs());

test("every command expands ~/ to the home folder, because a program may start it without a shell", async () => {
  const terminal = new FakeTerminal();
  const home = path.join(terminal.cwd, "home");
  terminal.env["HOME"] = home;
  vi.stubEnv("HOME", home);
  vi.stubEnv("USERPROFILE", home);
  terminal.write("home/kept/app.heartbeat", "");
  terminal.write("home/x.yml", "resilience: {}");
  await terminal.run("status", "~/kept/*", "~/kept");
  expect(terminal.stdout.text).toMatch(/^app +UNKNOWN/m);
  expect(await terminal.run("config", "validate", "~/x.yml")).toBe(0);
  expect(await terminal.run("config", "init", "~/kstlib.conf.yml")).toBe(0);
  expect(await terminal.run("config", "validate", "--cwd", "~/")).toBe(0);
  expect(terminal.stdout.text).toContain(`ok: ${path.join(home, "kstlib.conf.yml")}`);
  await terminal.run("check", "~/kept/app.heartbeat");
  expect(terminal.stdout.text).toContain("not a heartbeat");
  const { heartbeat, log } = parseSettings(["--heartbeat", "~/a", "--log", "~/b", "--", "x"], "/work");
  expect([heartbeat?.file, log]).toEqual([path.join(home, "a"), path.join(home, "b")]);
});
