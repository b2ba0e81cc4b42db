import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = path.join(root, "examples");
const run = promisify(execFile);

/** The pages that show a program's output. */
const PAGES: Readonly<Record<string, string>> = {
  "timeouts.mjs": "docs/timeouts.md",
  "whose-fault.mjs": "docs/whose-fault.md",
};

/** A line that each example prints: its claim, in the numbers of the run. */
const CLAIMS: Readonly<Record<string, RegExp>> = {
  "alerts.mjs":
    /37 more in 1 min.*\n.*\n.*resolved: the feed is silent.*\n41 alerts: 2 sent, 39 counted in 3 other messages$/m,
  "circuit-breaker-async.mjs": /^2 requests for 4 calls, the circuit is open$/m,
  "circuit-breaker-decorator.ts": /^3 requests for 5 calls; the last error: CircuitOpenError/m,
  "circuit-breaker-excluded-errors.mjs": /^after 11 mistakes of the caller: closed, 11 calls ignored$/m,
  "configuration-live.mjs":
    /^refused: kstlib\.conf\.yml:1:62\nexchange: rate, per changed\nthe next call was made under the new limit: 50 per 1 s$/m,
  "configuration.mjs":
    /^failures that open the circuit: 5 for any, 3 for payment-api, 1 where the code says so$/m,
  "health-endpoints.mjs": /^draining: \/livez 200 draining\ndraining: \/readyz 503 draining$/m,
  "heartbeat-multi-process.mjs": /"worker-1":"dead","worker-2":"stopped"/,
  "http-client.mjs":
    /^12 left after 2 requests\n15 prices in \d+\.\d s, 0 requests refused\nthe order: 503 after 1 request$/m,
  "http-express.mjs":
    /^2 200 .*\n3 429 \d+ \{"type":"https:\/\/iana\.org\/assignments\/http-problem-types#quota-exceeded"/m,
  "http-fastify.mjs": /^\/ 200 "client";r=0.*\n\/ 429 .*quota-exceeded.*\n\/health 200 not limited ok$/m,
  "http-hono.mjs": /^2 200 "client";r=0;t=60 hello\n3 429 .*quota-exceeded/m,
  "http-node.mjs": /^5 200 "burst";r=0.*\n6 429 .*"violated-policies":\["burst"\]\}$/m,
  "log-events.mjs": /^\[resilience\] circuit-breaker payments: half-open -> closed \(recovered\)$/m,
  "policies-decorator.ts": /^a quote after 3 requests\nan old quote after 2 timeouts$/m,
  "policies.mjs":
    /^hanging: 20 calls, \d requests, 20 times the last good price\ncircuit open after .*\nwell again/m,
  "rate-limiter-async.mjs": /in the order 0 1 2 3 4 5 6 7 8 9$/m,
  "rate-limiter-decorator.ts": /^non-blocking: \d+ calls, then: retry after 0\.\d+ s$/m,
  "rate-limiter-timeout.mjs": /^the 6th is refused after \d+ ms: retry after [01]\.\d+ s$/m,
  "retry-budget.mjs": /^without a budget: 27000 requests.*\nwith one budget: 1[123]\d\d requests/m,
  "schedule.mjs":
    /^days in Paris: 24, 23, 24 hours in March; 24, 25, 24 in October\ncalled at .* 02:00 \(23 missed\), 03:00 \(0 missed\)$/m,
  "shutdown-async.mjs": /^database: done.*\nmetrics: failed.*\ncache: done.*\nmail: timed-out/m,
  "shutdown-cluster.mjs": /^workers: done\n {2}worker 1 left \(exit code 0\)\n {2}worker 2 left/m,
  "shutdown-worker-threads.mjs": /^indexer: done\n.*left.*\nstuck: timed-out\n.*killed/m,
  "telemetry.mjs":
    /^kstlib_resilience_circuit_breaker_calls_total\{name="payments",outcome="rejected"\} 1\n(?:.*\n)*text\/plain; version=0\.0\.4; charset=utf-8$/m,
  "timeouts.mjs":
    /^AbortSignal\.any with AbortSignal\.timeout: \d+ of 20 timed out\nTimeout: 20 of 20 timed out$/m,
  "trading-bot-in-short.mjs": /^closed in order: positions, connections; the heartbeat says stopped$/m,
  "watchdog-async.mjs": /^1\.5 s without a ping: not-pinged, 1\.\d s inactive$/m,
  "watchdog-raise-on-timeout.mjs": /^timeout after \d\.\d s of inactivity$/m,
  "watchdog-worker-threads.mjs": /^worker: frozen in item 3 \(blocked-/m,
  "websocket.mjs":
    /^disconnected: network-error, code 1006\nconnected\ngap of .*\n(?:.*\n)*handed over\n(?:.*\n)*.*: \d connections, doubles \w+, dropped 0$/m,
  "whose-fault.mjs":
    /^cockatiel: 0 of 10 answered, circuit Open\nopossum: 0 of 10 answered, circuit open\nthis package: 10 of 10 answered, circuit closed\nthis package, blocked, no answers: 0 of 10 answered, circuit closed\nthis package, not blocked, no answers: circuit open$/m,
};

async function command(name: string): Promise<string[]> {
  const file = path.join(folder, name);
  if (!name.endsWith(".ts")) return [file];
  const { code } = await transform(fs.readFileSync(file, "utf8"), { loader: "ts", target: "node20" });
  return ["--input-type=module", "--eval", code];
}

describe("the examples", () => {
  const programs = fs.readdirSync(folder).filter((name) => /\.(mjs|ts)$/.test(name));

  test("each have a checked claim, and a line in the README", () => {
    expect(programs.toSorted()).toEqual(Object.keys(CLAIMS).toSorted());
    const readme = fs.readFileSync(path.join(folder, "README.md"), "utf8");
    for (const name of programs) expect(readme).toContain(`(${name})`);
  });

  test.each(Object.entries(CLAIMS))("%s succeeds and shows what it claims", async (name, claim) => {
    const { stdout } = await run(process.execPath, await command(name), { cwd: root, timeout: 90_000 });
    expect(stdout).toMatch(claim);
  });

  test.each(Object.entries(PAGES))("%s prints what its page shows", (name, page) => {
    expect(fs.readFileSync(path.join(root, page), "utf8")).toMatch(CLAIMS[name] ?? "no claim");
  });

  test("the page on timeouts shows the whole program", () => {
    const program = fs.readFileSync(path.join(folder, "timeouts.mjs"), "utf8");
    expect(fs.readFileSync(path.join(root, "docs/timeouts.md"), "utf8")).toContain(program);
  });
});
