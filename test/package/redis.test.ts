import path from "node:path";
import * as esbuild from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { hasRedis, type Server, startServer } from "../redis/servers/servers.js";
import { Project } from "./project.js";

/** What a program does with the classes and its own client: a limit, a circuit, a heartbeat and a list. */
const program = (imports: string, name: string): string => `${imports}
const main = async () => {
  const client = createClient({ url: process.env.REDIS_URL });
  client.on("error", () => {});
  await client.connect();
  const limiter = new SharedRateLimiter({ client, name: "packed-${name}", rate: 1, per: "1h", burst: 3 });
  const taken = await Promise.all(Array.from({ length: 5 }, () => limiter.tryAcquire()));
  const breaker = new SharedCircuitBreaker({ client, name: "packed-${name}", maxFailures: 1, resetTimeout: "1m" });
  await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
  const refused = await breaker.call(() => 1).catch((error) => error);
  const heartbeat = new Heartbeat({ sinks: [new RedisHeartbeatSink({ client, service: "packed-${name}", instance: "one" })] });
  heartbeat.start();
  await heartbeat.beat();
  const registry = new HeartbeatRegistry({ client, service: "packed-${name}" });
  const [listed] = await registry.list();
  console.log(JSON.stringify({
    taken: taken.filter(Boolean).length,
    refused: refused instanceof CircuitOpenError && refused.code,
    listed: listed.instance + " " + listed.status,
  }));
  await heartbeat.stop();
  await Promise.all([limiter.close(), breaker.close()]);
  await client.close();
};
main();
`;
const CORE = ["CircuitOpenError", "Heartbeat"];
const SHARED = ["HeartbeatRegistry", "RedisHeartbeatSink", "SharedCircuitBreaker", "SharedRateLimiter"];
const ESM = `import { ${CORE.join(", ")} } from "@kstlib/resilience";
import { ${SHARED.join(", ")} } from "@kstlib/resilience/redis";
import { createClient } from "redis";`;
const CJS = `const { ${CORE.join(", ")} } = require("@kstlib/resilience");
const { ${SHARED.join(", ")} } = require("@kstlib/resilience/redis");
const { createClient } = require("redis");`;

let server: Server;
let project: Project;
beforeAll(async () => {
  if (!hasRedis) return;
  server = await startServer();
  project = new Project().link("redis");
});

describe.skipIf(!hasRedis)("the packed package shares in Redis", () => {
  const run = async (file: string): Promise<unknown> =>
    JSON.parse(await project.run(process.execPath, [project.path(file)], { REDIS_URL: server.url }));
  const expected = { taken: 3, refused: "ERR_CIRCUIT_OPEN", listed: "one alive" };

  test.each([
    ["an ES module", "app.mjs", ESM],
    ["CommonJS", "app.cjs", CJS],
  ])("in %s, which ends by itself", async (_format, file, imports) => {
    project.write(file, program(imports, file));
    expect(await run(file)).toEqual(expected);
  });

  test.each(["esm", "cjs"] as const)("bundled as %s", async (format) => {
    const entry = project.write(`entry-${format}.mjs`, program(ESM, format));
    const file = `bundle-${format}.${format === "esm" ? "mjs" : "cjs"}`;
    await esbuild.build({
      entryPoints: [entry],
      outfile: path.join(project.folder, file),
      bundle: true,
      platform: "node",
      format,
      external: ["redis"],
      logLevel: "error",
    });
    expect(await run(file)).toEqual(expected);
  });
});
