import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { hasRedis, type Server, startServer } from "../servers/servers.js";

const fixture = fileURLToPath(new URL("../../fixtures/redis-circuit.mjs", import.meta.url));

interface Said {
  readonly at: number;
  readonly ready?: true;
  readonly state?: string;
  /** The state in which a call runs. */
  readonly ran?: string;
  readonly result?: "success" | "failed" | "refused";
}

interface Instance {
  readonly child: ChildProcess;
  said: Said[];
  tell(message: object): void;
  /** Waits until it has said something. */
  until(what: (said: Said) => boolean): Promise<Said>;
}

/** Milliseconds by the clock that all processes of the machine share. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const wait = { timeout: 60_000, interval: 2 };

describe.skipIf(!hasRedis)("a circuit of several processes", () => {
  let server: Server;
  let name = "";
  let count = 0;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    name = `processes-${++count}`;
  });

  async function start(options: object): Promise<Instance> {
    const given = { port: server.port, name, maxFailures: 3, resetTimeout: "300ms", ...options };
    const child = fork(fixture, [JSON.stringify(given)]);
    onTestFinished(() => void child.kill("SIGKILL"));
    const instance: Instance = {
      child,
      said: [],
      tell: (message) => void child.send(message),
      until: (what) => vi.waitUntil(() => instance.said.find(what), wait),
    };
    child.on("message", (message) => instance.said.push(message as Said));
    await instance.until(({ ready }) => ready === true);
    return instance;
  }

  const startThree = async (options: object): Promise<[Instance, Instance, Instance]> => [
    await start(options),
    await start(options),
    await start(options),
  ];

  test("is open for the others right after one has found it open", async () => {
    const all = await startThree({ resetTimeout: "1m" });
    const [one, ...others] = all;
    one.tell({ healthy: false, call: 3 });
    const failed = (): Said[] => one.said.filter(({ result }) => result === "failed");
    await vi.waitUntil(() => failed().length === 3, wait);
    const opened = await Promise.all(others.map((other) => other.until(({ state }) => state === "open")));
    const last = failed()[2]?.at ?? 0;
    const delay = Math.max(...opened.map(({ at }) => at)) - last;
    console.log(`the others were told ${delay.toFixed(1)} ms after the call that opened the circuit`);
    for (const other of others) other.tell({ call: 1 });
    await Promise.all(others.map((other) => other.until(({ result }) => result === "refused")));
    expect(others.flatMap(({ said }) => said.filter(({ ran }) => ran !== undefined))).toEqual([]);
  });

  test("admits one probe in all, though every process calls every 2 ms", async () => {
    const all = await startThree({ probeTimeout: "1m" });
    const probes = (): Said[] =>
      all.flatMap(({ said }) => said.filter(({ ran }) => ran === "half-open" || ran === "open"));
    all[0].tell({ healthy: false, call: 3 });
    await Promise.all(all.map((one) => one.until(({ state }) => state === "open")));
    for (const one of all) one.tell({ healthy: true, slow: true, every: 2 });
    await vi.waitUntil(() => probes().length > 0, wait);
    const [first] = probes();
    // Meanwhile they ask for hundreds of calls.
    await vi.waitUntil(() => now() > (first?.at ?? 0) + 500, wait);
    expect(probes()).toHaveLength(1);
    for (const each of all) each.tell({ slow: false, end: true });
    await Promise.all(all.map((each) => each.until(({ state }) => state === "closed")));
    expect(probes()).toHaveLength(1);
  });

  test("keeps the permit of a probe that takes long, and frees that of a process that was killed", async () => {
    const [one, other] = await startThree({ probeTimeout: "1m", lease: "600ms" });
    one.tell({ healthy: false, call: 3 });
    await other.until(({ state }) => state === "open");
    one.said = [];
    one.tell({ healthy: true, slow: true, every: 5 });
    const probe = await one.until(({ ran }) => ran !== undefined);
    one.tell({ every: 0 });
    other.tell({ every: 5 });
    // Longer than two leases.
    await vi.waitUntil(() => now() > probe.at + 1300, wait);
    expect(other.said.filter(({ ran }) => ran !== undefined)).toEqual([]);
    const killed = now();
    one.child.kill("SIGKILL");
    const next = await other.until(({ ran }) => ran !== undefined);
    console.log(
      `the next probe ran ${(next.at - killed).toFixed(0)} ms after the prober was killed (lease 600 ms)`,
    );
    await other.until(({ state }) => state === "closed");
  });

  test("a process ends by itself once its circuit is closed", async () => {
    const one = await start({});
    const ended = new Promise((resolve) => one.child.once("exit", resolve));
    one.tell({ close: true });
    expect(await ended).toBe(0);
  });
});
