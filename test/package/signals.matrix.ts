import { describe, expect, onTestFinished, test } from "vitest";
import { Project } from "./project.js";

const REGISTER = `
const shutdown = new GracefulShutdown({ timeout: 10 });
shutdown.register("positions", async () => {
  console.log("positions closing");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  console.log("positions closed");
});
shutdown.register("database", () => console.log("database closed"), { priority: 200 });
shutdown.install();
let count = 0;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => console.log(\`signal \${++count} \${signal}\`));
process.on("exit", (code) => console.log(\`exit \${code}\`));
setInterval(() => {}, 1000);
`;

const closed = /positions closed\n(?:.*\n)*database closed\n(?:.*\n)*exit (?:130|143)\n/;

describe.skipIf(process.platform === "win32")("a shutdown that receives a signal more than once", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "goes on beside the hooks of NestJS, which end with another: %s",
    async (signal) => {
      const project = new Project().install(
        "@nestjs/core@11",
        "@nestjs/common@11",
        "@nestjs/platform-express@11",
        "reflect-metadata",
        "rxjs",
      );
      project.write(
        "nest.cjs",
        `
      require("reflect-metadata");
      const { NestFactory } = require("@nestjs/core");
      const { Module } = require("@nestjs/common");
      const { GracefulShutdown } = require("@kstlib/resilience");
      class AppModule {
        // Longer than the grace for copies, so that what Nest sends itself is none.
        async onApplicationShutdown() {
          await new Promise((resolve) => setTimeout(resolve, 800));
          console.log("nest is done");
        }
      }
      Module({})(AppModule);
      void (async () => {
        const app = await NestFactory.create(AppModule, { logger: false });
        app.enableShutdownHooks();
        ${REGISTER}
        await app.listen(0, "127.0.0.1");
        console.log("ready");
      })();`,
      );
      const program = project.node("nest.cjs");
      await program.prints("ready");
      program.signal(signal);
      const end = await program.end();
      expect(program.stdout).toContain("nest is done\n");
      expect(program.stderr).toBe("");
      expect(program.stdout).toMatch(closed);
      expect(end).toBe(signal === "SIGINT" ? 130 : 143);
    },
  );

  test("goes on under pm2 with an npm script", async () => {
    const project = new Project().install("pm2@6");
    project.write("package.json", { name: "app", private: true, scripts: { start: "node service.mjs" } });
    project.write(
      "service.mjs",
      `import { GracefulShutdown } from "@kstlib/resilience";\n${REGISTER}console.log("ready");`,
    );
    const pm2 = project.bin("pm2");
    // Its daemon lives in there, and ends with the test.
    const env = { PM2_HOME: project.path(".pm2"), npm_config_script_shell: "/bin/bash" };
    const run = (...args: readonly string[]) => project.run(process.execPath, [pm2, ...args], env);
    onTestFinished(async () => void (await run("kill")));
    await run("start", "npm", "--name", "app", "--kill-timeout", "8000", "--", "start");
    const log = project.start(process.execPath, [pm2, "logs", "--raw", "--lines", "100"], env);
    await log.prints("ready");
    await run("stop", "app");
    await log.prints("exit 130");
    expect(log.stdout).toContain("signal 2");
    expect(log.stdout).toMatch(closed);
    expect(log.printed).not.toContain("[shutdown]");
  });
});

describe.skipIf(process.platform === "win32")("two copies of the package under tsx", () => {
  test("end the process when both are done", async () => {
    const project = new Project().install("tsx@4");
    project.write("package.json", { name: "app", private: true, type: "module" });
    project.write("lib/package.json", { type: "commonjs" });
    project.write(
      "lib/library.ts",
      `
      import { GracefulShutdown } from "@kstlib/resilience";
      const library = new GracefulShutdown({ name: "library" });
      library.register("library", () => console.log("library closed"));
      library.install();
      export { GracefulShutdown };`,
    );
    project.write(
      "service.ts",
      `
      import library from "./lib/library.js";
      import { GracefulShutdown } from "@kstlib/resilience";
      console.log("copies", library.GracefulShutdown === GracefulShutdown ? 1 : 2);
      ${REGISTER}
      console.log("ready");`,
    );
    const program = project.node("--import", "tsx", "service.ts");
    await program.prints("ready");
    program.signal("SIGTERM");
    expect(await program.end()).toBe(143);
    expect(program.stdout).toContain("copies 2\n");
    expect(program.stdout).toContain("library closed\n");
    expect(program.stdout).toMatch(closed);
  });
});
