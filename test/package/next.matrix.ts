import fs from "node:fs";
import { expect, test } from "vitest";
import { freePort } from "../../scripts/server-process.mjs";
import { elsewhere } from "./elsewhere.js";
import { Project } from "./project.js";

/** Started with the server: what a service that is to end in order does there. */
const STARTED = `
import { GracefulShutdown, Watchdog } from "@kstlib/resilience";
const pause = new Int32Array(new SharedArrayBuffer(4));
const freezeUntil = (isOver) => {
  while (!isOver()) Atomics.wait(pause, 0, 0, 10);
};
const shutdown = new GracefulShutdown({ timeout: "100ms", forceExitCode: 75 });
shutdown.register("database", () => freezeUntil(() => false));
shutdown.install();
const watchdog = new Watchdog({ name: "feed", timeout: 1 });
watchdog.start();
setInterval(() => watchdog.ping(), 100).unref();
globalThis.freeze = () => freezeUntil(() => watchdog.isTriggered);
`;

const FILES = {
  "instrumentation.js": `export async function register() {
    if (process.env.NEXT_RUNTIME === "nodejs") await import("./started.js");
  }`,
  "started.js": STARTED,
  "app/layout.js": `export default ({ children }) => <html><body>{children}</body></html>;`,
  "app/page.js": `export default () => <p>page</p>;`,
  "app/api/call/route.js": `import { CircuitBreaker } from "@kstlib/resilience";
    const breaker = new CircuitBreaker({ name: "api" });
    export const dynamic = "force-dynamic";
    export const GET = () => breaker.call(async () => Response.json({ state: breaker.state }));`,
  "app/api/freeze/route.js": `export const dynamic = "force-dynamic";
    export const GET = () => {
      globalThis.freeze();
      return Response.json({ back: true });
    };`,
};

test.each([
  ["bundled by Turbopack", [], {}],
  ["bundled by webpack", ["--webpack"], {}],
  ["as an external package", [], { serverExternalPackages: ["@kstlib/resilience"] }],
  ["as an external package, by webpack", ["--webpack"], { serverExternalPackages: ["@kstlib/resilience"] }],
])(
  "the standalone server of Next.js, with the package %s, keeps the monitor and the deadline",
  async (_how, flags, config) => {
    const project = new Project().install("next@16", "react@19", "react-dom@19");
    for (const [file, text] of Object.entries(FILES)) project.write(file, text);
    const nextConfig = { output: "standalone", outputFileTracingRoot: project.folder, ...config };
    project.write("next.config.mjs", `export default ${JSON.stringify(nextConfig)};`);
    const env = { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };
    await project.run(process.execPath, [project.bin("next"), "build", ...flags], env);

    const folder = elsewhere();
    fs.cpSync(project.path(".next/standalone"), folder, { recursive: true, verbatimSymlinks: true });
    fs.rmSync(project.folder, { recursive: true });
    const port = await freePort();
    const server = project.startIn(folder, process.execPath, ["server.js"], {
      ...env,
      PORT: String(port),
      HOSTNAME: "127.0.0.1",
    });
    await server.prints("Ready");
    const ask = async (path: string): Promise<unknown> =>
      (await fetch(`http://127.0.0.1:${port}${path}`)).json();
    expect(await ask("/api/call")).toEqual({ state: "closed" });
    expect(await ask("/api/freeze"), server.printed).toEqual({ back: true });
    expect(server.stderr).toMatch(/^\[watchdog\] feed was not pinged for .* \(blocked-js\)\n(\s+at .*\n)+/m);
    server.signal("SIGTERM");
    expect(await server.end(), server.printed).toBe(75);
    expect(server.stderr).toContain('"database" blocks the thread; exiting with 75');
    expect(server.printed).not.toContain("KSTLIB_NO_");
  },
);
