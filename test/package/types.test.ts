import { expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { Project } from "./project.js";
import { TSC } from "./typescript.js";

const PROGRAM = `
import {
  CircuitBreaker,
  type CircuitBreakerOptions,
  Fallback,
  Hedge,
  pipeline,
  type Policy,
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
import { rateLimit, resilienceInterceptor, resilientFetch } from "@kstlib/resilience/http";
import { RateLimiter as SameLimiter } from "@kstlib/resilience/rate-limiter";
import {
  HeartbeatRegistry,
  RedisHeartbeatSink,
  SharedCircuitBreaker,
  SharedKeyedRateLimiter,
  sharedRateLimiter,
  SharedRateLimiter,
} from "@kstlib/resilience/redis";
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
export const declared: Policy = resilient({ retry: true });
// @ts-expect-error -- it may be undefined.
export const missing: Promise<number> = pipeline(new Fallback({ to: () => undefined })).call(load, "ann");
export const asFetch: typeof fetch = resilientFetch({ retry: { attempts: 3 }, timeout: "2s" });
export const orNull: Promise<Response | null> = resilientFetch<null>({ fallback: { to: null } })("http://a.example");
export const interceptor: (dispatch: () => boolean) => () => boolean = resilienceInterceptor({ retry: true });
// @ts-expect-error -- there is no such option.
resilientFetch({ retries: 3 });
export const sure: Promise<number> = retry({ attempts: 2 })(load)("ann");
// @ts-expect-error -- it may be null.
export const unsure: Promise<number> = nested.call(load, "ann");
// @ts-expect-error -- a part that was not given.
api.rateLimiter;
// @ts-expect-error -- there is no such option.
resilient({ retry: { attempt: 3 } });

// @ts-expect-error -- there is no such option, which a type of \`any\` would not know.
new CircuitBreaker({ nome: "api" });

class Api {
  @retry({ attempts: 2 })
  async one(user: string): Promise<number> {
    return user.length;
  }

  @api.decorator
  async two(): Promise<string | null> {
    return "two";
  }

  // @ts-expect-error -- it may return null instead.
  @api.decorator
  async three(): Promise<string> {
    return "three";
  }

  // @ts-expect-error -- the decorated method returns a promise.
  @retry
  four(): number {
    return 4;
  }
}
export const decorated: [Promise<number>, Promise<string | null>] = [new Api().one("ann"), new Api().two()];
// @ts-expect-error -- a promise of a number.
export const wrong: Promise<string> = new Api().one("ann");

const client: object = {};
const limiter = new SharedRateLimiter({ client, name: "api", rate: 5, per: "1s" });
const circuit = new SharedCircuitBreaker({ client, name: "api", maxFailures: 3 });
const shared = pipeline(limiter, circuit, new Retry());
export const sharedResults: Promise<number>[] = [
  limiter.execute(() => 5),
  circuit.call(load, "ann"),
  shared.wrap(load)("ann"),
  sharedRateLimiter({ client, name: "api" })(load)("ann"),
  resilient({ rateLimiter: limiter, circuitBreaker: circuit }).call(load, "ann"),
];
export const forAll = rateLimit({ limiter: new SharedKeyedRateLimiter({ client, name: "api", rate: 5 }) });
// @ts-expect-error -- a promise of a number.
export const sharedWrong: Promise<string> = circuit.call(load, "ann");
export const instances = [
  new RedisHeartbeatSink({ client, service: "api", instance: "one" }),
  new HeartbeatRegistry({ client, service: "api" }).list().then(([one]) => one?.status),
];
// @ts-expect-error -- there is no such option.
new SharedRateLimiter({ client, name: "api", rates: 5 });
// @ts-expect-error -- there is no such option.
new SharedCircuitBreaker({ client, name: "api", maxFailure: 3 });
// @ts-expect-error -- there is no such option.
new HeartbeatRegistry({ client, services: "api" });
`;

const JSON_IMPORT = `schema.json" with { type: "json" };`;

test.each([
  ["an ES module for Node", "7", "app.mts", { module: "nodenext" }],
  ["a CommonJS module for Node", "7", "app.cts", { module: "nodenext" }],
  ["a CommonJS module for Node", "5.4", "app.cts", { module: "nodenext" }],
  ["a bundler", "7", "app.ts", { module: "esnext", moduleResolution: "bundler" }],
  [
    "a compiler that knows no exports",
    "6",
    "app.ts",
    { module: "commonjs", moduleResolution: "node10", ignoreDeprecations: "6.0" },
  ],
] as const)(
  "the types of every entry are found by %s, TypeScript %s",
  async (_who, version, file, compilerOptions) => {
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
    expect(await project.run(process.execPath, [TSC[version], "-p", "."])).toBe("");
  },
);

test.each(["5.4", "6", "7"] as const)(
  "the declarations of every entry are correct by themselves for TypeScript %s",
  async (version) => {
    const project = new Project().link("@types/node", "undici-types");
    const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith(".json"));
    const imports = entries.map((entry, index) => {
      return `export * as e${index} from "${entry.replace(".", "@kstlib/resilience")}";\n`;
    });
    project.write("app.mts", imports.join(""));
    project.write("tsconfig.json", {
      compilerOptions: {
        target: "es2022",
        module: "nodenext",
        types: ["node"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: false,
      },
      files: ["app.mts"],
    });
    expect(entries.length).toBeGreaterThan(10);
    expect(await project.run(process.execPath, [TSC[version], "-p", "."])).toBe("");
  },
);

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
  expect(await project.run(process.execPath, [TSC["7"], ...options, ...lib, "app.mts"])).toBe("");
});
