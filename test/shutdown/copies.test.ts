import fs from "node:fs";
import { describe, expect, test } from "vitest";
import { Project } from "../package/project.js";

/** What each of two copies registers: callbacks that end when a file is there, or fail. */
const PART = `
exports.start = ({ GracefulShutdown }, name, options, work) => {
  const shutdown = new GracefulShutdown({ name, ...options });
  shutdown.register(name, async () => {
    console.log(name + " begins");
    await work();
    console.log(name + " is closed");
  });
  shutdown.install();
  void shutdown.wait().then(() => console.log(name + " is complete"));
  return shutdown;
};
exports.there = async (file) => {
  while (!require("node:fs").existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5));
};
`;

const EXITS = `
process.on("exit", (code) => console.log("exit " + code));
setInterval(() => {}, 1000);
console.log("ready");
`;

/** A project with two copies, as for an application and a library with another version. */
function withTwoCopies(script: string, options = ["{}", "{}"]): Project {
  const project = new Project();
  const copy = project.path("node_modules", "library", "node_modules", "@kstlib");
  fs.cpSync(project.path("node_modules", "@kstlib"), copy, { recursive: true });
  project.write("node_modules/library/package.json", { name: "library", main: "index.js" });
  project.write("node_modules/library/index.js", 'module.exports = require("@kstlib/resilience");');
  project.write("part.cjs", PART);
  project.write(
    "service.mjs",
    `
import library from "library";
import * as application from "@kstlib/resilience";
import { start, there } from "./part.cjs";
if (library.GracefulShutdown === application.GracefulShutdown) throw new Error("one copy");
${script}
start(library, "library", ${options[0]}, () => there("library"));
const shutdown = start(application, "application", ${options[1]}, () => there("application"));
${EXITS}`,
  );
  return project;
}

/** A project in which one copy is loaded as ESM and as CommonJS. */
function withBothBuilds(): Project {
  const project = new Project();
  project.write("part.cjs", PART);
  project.write(
    "service.mjs",
    `
import * as application from "@kstlib/resilience";
import * as library from "./node_modules/@kstlib/resilience/dist/cjs/index.js";
import { start, there } from "./part.cjs";
if (library.GracefulShutdown === application.GracefulShutdown) throw new Error("one copy");
start(library, "library", {}, () => there("library"));
start(application, "application", {}, () => there("application"));
${EXITS}`,
  );
  return project;
}

/** Sends SIGTERM, and lets one part end after the other. */
async function end(project: Project, order: readonly string[]) {
  const program = project.node("service.mjs");
  await program.prints("ready");
  program.signal("SIGTERM");
  await program.prints("library begins");
  await program.prints("application begins");
  for (const part of order) {
    project.write(part, "");
    await program.prints(`${part} is closed`);
  }
  return { program, code: await program.end() };
}

describe.skipIf(process.platform === "win32")("two copies of the package in one process", () => {
  test.each([
    ["two versions, the library first", withTwoCopies, ["library", "application"]],
    ["two versions, the application first", withTwoCopies, ["application", "library"]],
    ["ESM and CommonJS, CommonJS first", withBothBuilds, ["library", "application"]],
    ["ESM and CommonJS, ESM first", withBothBuilds, ["application", "library"]],
  ] as const)("end it when both are done: %s", async (_which, make, order) => {
    const { program, code } = await end(make(""), order);
    expect(program.stderr).toBe("");
    expect(program.stdout.endsWith("exit 143\n")).toBe(true);
    expect(code).toBe(143);
  });

  test.each([
    ["library", ["{ timeout: 1, forceExitCode: 75 }", "{}"]],
    ["application", ["{}", "{ timeout: 1, forceExitCode: 75 }"]],
  ])("end it with the worst code, and give each its own time: %s", async (late, options) => {
    const other = late === "library" ? "application" : "library";
    const project = withTwoCopies("", options);
    const program = project.node("service.mjs");
    await program.prints("ready");
    program.signal("SIGTERM");
    // The process does not end while the other is still at work, beyond the time of the one.
    await program.prints(`${late} is complete`);
    project.write(other, "");
    expect(await program.end()).toBe(75);
    expect(program.stdout).toContain(`${other} is closed`);
  });

  test("both report the callbacks that a second signal cuts short", async () => {
    const project = withTwoCopies("", ["{ repeatGrace: 0 }", "{ repeatGrace: 0 }"]);
    const program = project.node("service.mjs");
    await program.prints("ready");
    program.signal("SIGTERM");
    await program.prints("application begins");
    program.signal("SIGINT");
    expect(await program.end()).toBe(130);
    expect(program.stderr).toContain("a second signal, SIGINT; not done: library");
    expect(program.stderr).toContain("not done: application");
  });

  test("end it with 1 after an uncaught error that only one handles", async () => {
    const project = withTwoCopies("", ["{ handleUncaught: true }", "{}"]);
    project.write("library", "");
    const service = fs.readFileSync(project.path("service.mjs"), "utf8");
    project.write(
      "service.mjs",
      `${service}
      shutdown.on("callback", () => process.nextTick(() => { throw new Error("late"); }));`,
    );
    const program = project.node("service.mjs");
    await program.prints("ready");
    program.signal("SIGTERM");
    await program.prints("library is closed");
    project.write("application", "");
    expect(await program.end()).toBe(1);
    expect(program.stderr).toContain("Uncaught Error: late");
  });

  test("work independently of a copy with another protocol version, and warn once", async () => {
    const other =
      'Object.defineProperty(process, Symbol.for("@kstlib/resilience/shutdowns"), { value: { version: 2 } });';
    const project = withTwoCopies(other);
    const program = project.node("service.mjs");
    await program.prints("ready");
    program.signal("SIGTERM");
    await program.prints("application begins");
    project.write("application", "");
    expect(await program.end()).toBe(143);
    expect(program.stderr.split("KSTLIB_OTHER_COPY")).toHaveLength(3);
    expect(program.stderr).toContain("not done: library");
  });
});
