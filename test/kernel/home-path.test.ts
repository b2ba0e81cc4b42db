import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parsePath } from "../../src/heartbeat-file/options.js";
import { fromHome } from "../../src/kernel/home-path.js";

const home = os.homedir();

describe("a path that begins with ~", () => {
  test.each([
    ["~/state/app.heartbeat", path.join(home, "state/app.heartbeat")],
    ["~", home],
    ["state/~/app", path.resolve("state/~/app")],
    ["./~/app", path.resolve("~/app")],
    ["~backup", path.resolve("~backup")],
    ["/~/app", path.resolve("/~/app")],
  ])("leads to the home folder as in a shell, and nowhere else: %s", (given, found) => {
    expect(parsePath(given, "stateFile")).toBe(found);
  });

  test("is refused when it is another user's home", () => {
    expect(() => parsePath("~root/app", "stateFile")).toThrow(
      `stateFile must be a path (a non-empty string, without NUL, not in another user's ~name/) or a file: URL; got "~root/app".`,
    );
  });

  test("is taken literally in a URL, which has no home folder", () => {
    expect(parsePath(new URL("file:///~/app"), "stateFile")).toBe(path.resolve("/~/app"));
    expect(parsePath(new URL("file:///~root/app"), "stateFile")).toBe(path.resolve("/~root/app"));
  });

  test("uses another home if given one", () => {
    expect(fromHome("~/x", () => "/srv/me")).toBe(path.join("/srv/me", "x"));
  });
});
