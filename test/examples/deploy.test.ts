import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = path.join(root, "examples/deploy");
const read = (name: string): string => fs.readFileSync(path.join(folder, name), "utf8");
const cli = path.join(root, "dist/cli/main.js");

interface Probe {
  readonly httpGet?: { readonly path: string };
  readonly exec?: { readonly command: readonly string[] };
}

interface Container {
  readonly startupProbe: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe: Probe;
}

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly Container[];
      };
    };
  };
}

function podOf(file: string): Deployment["spec"]["template"]["spec"] {
  const [first] = parseAllDocuments(read(file));
  if (first === undefined) throw new Error(`${file} is empty`);
  return (first.toJS() as Deployment).spec.template.spec;
}

const { shutdown } = (parse(read("kstlib.conf.yml")) as { resilience: { shutdown: Record<string, number> } })
  .resilience;
const budget = shutdown["default_timeout"] ?? 0;

/** Starts the service in a folder of its own; resolves when it listens. */
async function start(): Promise<{
  readonly http: string;
  readonly health: string;
  readonly stateFile: string;
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
}> {
  const cwd = fs.mkdtempSync(path.join(os.tmpdir(), "deploy-"));
  // The service itself must find the package by its name: it stays where it is.
  fs.copyFileSync(path.join(folder, "kstlib.conf.yml"), path.join(cwd, "kstlib.conf.yml"));
  const stateFile = path.join(cwd, "service.heartbeat");
  const child = spawn(process.execPath, [path.join(folder, "service.mjs")], {
    cwd,
    env: { ...process.env, PORT: "0", HEALTH_PORT: "0", STATE_FILE: stateFile },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
    fs.rmSync(cwd, { recursive: true });
  });
  const ports: Record<string, string> = {};
  for await (const line of createInterface(child.stdout)) {
    const [, what = "", port = ""] = /^(health|listening) on (\d+)$/.exec(line) ?? [];
    ports[what] = `http://127.0.0.1:${port}`;
    if (what === "listening") break;
  }
  child.stdout.resume();
  return {
    http: ports["listening"] ?? "",
    health: ports["health"] ?? "",
    stateFile,
    async end(signal) {
      const exit = once(child, "exit");
      child.kill(signal);
      const [code] = (await exit) as [number | null];
      return code;
    },
  };
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.text();
  return response.status;
}

async function check(args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [cli, ...args], { stdio: "ignore" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

describe.skipIf(process.platform === "win32")("the files for production", () => {
  test("give the service more time than its shutdown takes", () => {
    expect(budget).toBe(30);
    expect(podOf("kubernetes.yaml").terminationGracePeriodSeconds).toBeGreaterThan(budget);
    expect(podOf("kubernetes-bot.yaml").terminationGracePeriodSeconds).toBeGreaterThan(budget);
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(read("service.service"))?.[1])).toBeGreaterThan(budget);
    expect(Number(/docker stop --time (\d+)/.exec(read("Dockerfile"))?.[1])).toBeGreaterThan(budget);
    const killTimeout = /kill_timeout: ([\d_]+)/.exec(read("ecosystem.config.cjs"))?.[1]?.replace("_", "");
    expect(Number(killTimeout)).toBeGreaterThan(budget * 1000);
  });

  test("have probes that match the answers of the service during its whole life", async () => {
    const { startupProbe, readinessProbe, livenessProbe } = podOf("kubernetes.yaml").containers[0] ?? {};
    const service = await start();
    const probe = (of: Probe | undefined): Promise<number> =>
      statusOf(`${service.health}${of?.httpGet?.path ?? ""}`);
    expect([await probe(startupProbe), await probe(readinessProbe), await probe(livenessProbe)]).toEqual([
      200, 200, 200,
    ]);
    expect(await statusOf(service.http)).toBe(200);

    const commands = podOf("kubernetes-bot.yaml").containers.flatMap((container) => [
      container.startupProbe.exec?.command,
      container.livenessProbe.exec?.command,
    ]);
    const dockers = JSON.parse(/CMD (\[.*"check".*\])/.exec(read("Dockerfile"))?.[1] ?? "[]") as string[];
    for (const [program, , , ...options] of [...commands, dockers].map((command) => command ?? [])) {
      expect(program).toBe("node_modules/.bin/kstlib-resilience");
      expect(await check(["check", service.stateFile, ...options])).toBe(0);
    }

    const ended = service.end("SIGTERM");
    await expect.poll(() => probe(readinessProbe)).toBe(503);
    // Traffic that was on its way still has its answer.
    expect([await probe(livenessProbe), await statusOf(service.http)]).toEqual([200, 200]);
    expect(await ended).toBe(143);
    expect(await check(["check", service.stateFile])).toBe(1);
  });
});
