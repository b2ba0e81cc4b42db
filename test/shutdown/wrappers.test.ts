import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { setTimeout as patience } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type Program, Project } from "../package/project.js";

/** Prints the signals that it receives, and closes when the file `go` exists. */
const SERVICE = `
import fs from "node:fs";
import { GracefulShutdown } from "@kstlib/resilience";

const shutdown = new GracefulShutdown();
shutdown.register("positions", async () => {
  while (!fs.existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 5));
  console.log("positions closed");
});
shutdown.register("database", () => console.log("database closed"));
shutdown.install();
let count = 0;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => console.log(\`signal \${++count} \${signal}\`));
process.on("exit", (code) => console.log(\`exit \${code}\`));
setInterval(() => {}, 1000);
console.log("ready");
`;

/** The file of a program; empty when it is not installed. */
function find(variable: string, program: string): string {
  const file = process.env[variable] ?? program;
  return spawnSync(file, ["--help"]).error === undefined ? file : "";
}

const dumbInit = find("DUMB_INIT_PATH", "dumb-init");
const tini = find("TINI_PATH", "tini");
const busybox = find("BUSYBOX_PATH", "busybox");
const bash = find("BASH_PATH", "bash");

/** A command that runs the service in a project. */
type Wrap = (project: Project) => readonly string[];

const node: Wrap = () => [process.execPath, "service.mjs"];
const npm: Wrap = () => ["npm", "start", "--silent"];
const nodemon: Wrap = (project) => [
  process.execPath,
  project.link("nodemon").bin("nodemon"),
  "--quiet",
  "service.mjs",
];
const supervised =
  (wrap: Wrap): Wrap =>
  (project) => [
    process.execPath,
    project.bin("@kstlib/resilience", "kstlib-resilience"),
    "supervise",
    "--restart",
    "on-failure",
    "--",
    ...wrap(project),
  ];

/** The shell through which npm runs a script. */
function shell(project: Project, target: string | undefined): NodeJS.ProcessEnv {
  if (target === undefined) return {};
  if (!target.endsWith("busybox")) return { npm_config_script_shell: target };
  // It is the shell by that name alone.
  const sh = project.path("sh");
  fs.symlinkSync(spawnSync("which", [target], { encoding: "utf8" }).stdout.trim(), sh);
  return { npm_config_script_shell: sh };
}

interface Case {
  readonly by: string;
  readonly wrap: Wrap;
  readonly shell?: string | undefined;
  /** What has to be installed for it; empty when it is not. */
  readonly needs?: string;
  /** To one process, or to all as a terminal sends it. */
  readonly send: "signal" | "signalGroup";
  readonly signal: "SIGINT" | "SIGTERM";
  /** Another one that the wrapper sends, at about the same time. */
  readonly adds?: "SIGINT";
}

const cases: readonly Case[] = [
  {
    by: "node --watch",
    wrap: () => [process.execPath, "--watch", "service.mjs"],
    send: "signalGroup",
    signal: "SIGINT",
  },
  { by: "nodemon in a terminal", wrap: nodemon, send: "signalGroup", signal: "SIGINT" },
  { by: "nodemon, which adds another one", wrap: nodemon, send: "signal", signal: "SIGTERM", adds: "SIGINT" },
  {
    by: "dumb-init of one child",
    wrap: (project) => [dumbInit, "--single-child", ...node(project)],
    needs: dumbInit,
    send: "signalGroup",
    signal: "SIGTERM",
  },
  {
    by: "dumb-init with npm",
    wrap: (project) => [dumbInit, ...npm(project)],
    shell: bash,
    needs: dumbInit && bash,
    send: "signal",
    signal: "SIGINT",
  },
  {
    by: "tini -g with npm",
    wrap: (project) => [tini, "-s", "-g", "--", ...npm(project)],
    shell: bash,
    needs: tini && bash,
    send: "signal",
    signal: "SIGTERM",
  },
  {
    by: "npm where sh is bash",
    wrap: npm,
    shell: bash,
    needs: bash,
    send: "signalGroup",
    signal: "SIGINT",
  },
  {
    by: "npm where sh is busybox",
    wrap: npm,
    shell: busybox,
    needs: busybox,
    send: "signalGroup",
    signal: "SIGINT",
  },
  {
    by: "supervise with npm",
    wrap: supervised(npm),
    shell: bash,
    needs: bash,
    send: "signal",
    signal: "SIGINT",
  },
  {
    by: "supervise with nodemon",
    wrap: supervised(nodemon),
    send: "signal",
    signal: "SIGTERM",
    adds: "SIGINT",
  },
];

function start(given: Pick<Case, "wrap" | "shell">): { project: Project; program: Program } {
  const project = new Project();
  project.write("package.json", { name: "app", private: true, scripts: { start: "node service.mjs" } });
  project.write("service.mjs", SERVICE);
  const [command = "", ...args] = given.wrap(project);
  return { project, program: project.start(command, args, shell(project, given.shell)) };
}

describe.skipIf(process.platform === "win32")(
  "a signal that comes twice because of a wrapper around the program",
  () => {
    for (const given of cases) {
      const { by, signal, send, needs = by } = given;
      test.skipIf(needs === "")(`does not cut its shutdown short: ${by}, ${signal}`, async () => {
        const { project, program } = start(given);
        await program.prints("ready");
        program[send](signal);
        await program.prints("signal 1");
        // Two that come at the very same time the kernel makes one of.
        await Promise.race([program.prints("signal 2").catch(() => {}), patience(1000)]);
        project.write("go", "");
        await program.end();
        expect(program.stdout).toContain("positions closed\ndatabase closed\n");
        // Of two that wait for a busy process, the kernel hands over the one with the lower number first: the SIGINT
        // that nodemon adds, rather than the SIGTERM that was sent. The exit code is that of the first.
        const [, first] = /^signal 1 (\w+)$/m.exec(program.stdout) ?? [];
        expect([signal, given.adds]).toContain(first);
        expect(program.stdout).toContain(`exit ${first === "SIGINT" ? 130 : 143}\n`);
        expect(program.stderr).not.toContain("[shutdown]");
      });
    }

    test("still ends the process when it is typed again later", async () => {
      const { program } = start({ wrap: () => [process.execPath, "--watch", "service.mjs"] });
      await program.prints("ready");
      program.signalGroup("SIGINT");
      await program.prints("signal 1");
      // Whenever the grace is over.
      const typing = setInterval(() => program.signalGroup("SIGINT"), 50);
      await program.prints("not done: positions, database").finally(() => clearInterval(typing));
      expect(program.stderr).toContain("[shutdown] ended at once by a second signal, SIGINT");
    });
  },
);
