import path from "node:path";
import { expect, test } from "vitest";
import { Project } from "./project.js";

const packages = path.resolve(import.meta.dirname, "../../node_modules");
const TSC = path.join(packages, "@typescript/native/bin/tsc");
/** The last one that knows the old way of finding modules. */
const TSC_6 = path.join(packages, "typescript/bin/tsc6");
/** The oldest one that the types are for. */
const TSC_5_4 = path.join(packages, "typescript-5.4/bin/tsc");

const PROGRAM = `
import {
  CircuitBreaker,
  type CircuitBreakerOptions,
  Fallback,
  Hedge,
  pipeline,
  RateLimiter,
  resilient,
  retry,
  Retry,
  Timeout,
  Watchdog,
} from "@kstlib/resilience";
import { config } from "@kstlib/resilience/auto";
import { CircuitBreaker as SameBreaker, type Clock, ResilienceError } from "@kstlib/resilience/circuit-breaker";
import { ConfigError, loadConfig, watchConfig } from "@kstlib/resilience/config";
import { Health } from "@kstlib/resilience/health";
import { Heartbeat } from "@kstlib/resilience/heartbeat";
import { RateLimiter as SameLimiter } from "@kstlib/resilience/rate-limiter";
import { SharedCircuitBreaker, SharedKeyedRateLimiter, useRedis } from "@kstlib/resilience/redis";
import { GracefulShutdown } from "@kstlib/resilience/shutdown";
import { ManualClock } from "@kstlib/resilience/testing";
import { Watchdog as SameWatchdog } from "@kstlib/resilience/watchdog";
import schema from "@kstlib/resilience/schema.json";

const options: CircuitBreakerOptions = { name: "api", clock: new ManualClock() };
const breaker = new CircuitBreaker(options);
const isolated: boolean = breaker.state === "isolated";
const same: SameBreaker = breaker;
const clock: Clock = new ManualClock();
const pairs: [typeof SameLimiter, typeof SameWatchdog] = [RateLimiter, Watchdog];
export const parts = [same, clock, pairs, Health, Heartbeat, GracefulShutdown, ResilienceError];
export const all = [isolated, RateLimiter, Watchdog, config, ConfigError, loadConfig, watchConfig, schema];

const nested = pipeline(new Fallback({ to: null }), new Retry(), new Hedge(), breaker, new Timeout());
const api = resilient({ fallback: { to: null }, retry: { attempts: 3 }, circuitBreaker: true, timeout: "2s" });
const load = async (user: string): Promise<number> => user.length;
export const results: Promise<number | null>[] = [
  nested.execute(({ attempt }) => attempt),
  nested.call(load, "ann"),
  nested.wrap(load)("ann"),
  api.execute(async ({ signal }) => (signal.aborted ? 0 : api.circuitBreaker.failureCount)),
  pipeline(new Timeout(), nested, new Retry()).wrap(load)("ann"),
];
export const sure: Promise<number> = retry({ attempts: 2 })(load)("ann");
// @ts-expect-error -- it may be null.
export const unsure: Promise<number> = nested.call(load, "ann");
class Api {
  @retry({ attempts: 2 })
  async load(user: string): Promise<number> {
    return user.length;
  }
}
export const decorated: Promise<number> = new Api().load("ann");
// A wrong order is no error.
pipeline(new Timeout(), new Retry(), new RateLimiter());
export const shared = async (client: object): Promise<number> => {
  const redis = await useRedis({ client });
  const circuit = redis.get(SharedCircuitBreaker, "api", { maxFailures: 3 });
  const limiter = new SharedKeyedRateLimiter({ client, name: "users", rate: 1 });
  // @ts-expect-error -- it is a promise.
  if (limiter.tryAcquire("ann") === true) return 0;
  return (await limiter.tryAcquire("ann")) ? circuit.call(load, "ann") : 0;
};
// @ts-expect-error -- a part that was not given.
api.rateLimiter;
// @ts-expect-error -- there is no such option.
resilient({ retry: { attempt: 3 } });

// @ts-expect-error -- there is no such option, which a type of \`any\` would not know.
new CircuitBreaker({ nome: "api" });
`;

const JSON_IMPORT = `schema.json" with { type: "json" };`;

test.each([
  ["an ES module for Node", TSC, "app.mts", { module: "nodenext" }],
  ["a CommonJS module for Node", TSC, "app.cts", { module: "nodenext" }],
  ["an ES module for Node, by TypeScript 5.4", TSC_5_4, "app.mts", { module: "nodenext" }],
  ["a CommonJS module for Node, by TypeScript 5.4", TSC_5_4, "app.cts", { module: "nodenext" }],
  ["a bundler", TSC, "app.ts", { module: "esnext", moduleResolution: "bundler" }],
  [
    "a compiler that knows no exports",
    TSC_6,
    "app.ts",
    { module: "commonjs", moduleResolution: "node10", ignoreDeprecations: "6.0" },
  ],
])("the types of every entry are found by %s", async (_who, tsc, file, compilerOptions) => {
  const project = new Project().link("@types/node", "undici-types");
  const isEsm = file.endsWith(".mts");
  project.write(file, isEsm ? PROGRAM.replace('schema.json";', JSON_IMPORT) : PROGRAM);
  project.write("tsconfig.json", {
    compilerOptions: {
      target: "es2022",
      lib: ["es2023", "esnext.disposable"],
      types: ["node"],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      esModuleInterop: true,
      resolveJsonModule: true,
      ...compilerOptions,
    },
    files: [file],
  });
  expect(await project.run(process.execPath, [tsc, "-p", "."])).toBe("");
});

test("values made from a component can be exported: their types have names in the declarations", async () => {
  const project = new Project().link("@types/node", "undici-types");
  project.write(
    "app.mts",
    `import { CircuitBreaker, RateLimiter, rateLimiterSync, watchdogContext } from "@kstlib/resilience";
    const breaker = new CircuitBreaker();
    export const callSync = breaker.callSync.bind(breaker);
    export const iterate = breaker.iterate.bind(breaker);
    export const wrapped = [breaker.wrap(fetch), breaker.wrapSync(parseInt), new RateLimiter().wrap(fetch)];
    export const limited = rateLimiterSync({ rate: 1 });
    export const run = watchdogContext({}).runSync;
    export const told = [breaker.toJSON(), breaker.snapshot(), breaker.tryPermit()];`,
  );
  const options = ["--declaration", "--emitDeclarationOnly", "--module", "nodenext", "--target", "es2022"];
  const lib = ["--lib", "es2023,esnext.disposable", "--types", "node", "--strict"];
  expect(await project.run(process.execPath, [TSC, ...options, ...lib, "app.mts"])).toBe("");
});
