import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask as fetchOnce, hasSignals, later, Recipe, root, Service, until } from "./recipe.js";

const next = path.join(root, "node_modules/next/dist/bin/next");
// In the project, so that the package and Next.js are found from there, and where git, lint and formatter do not look.
const folder = path.join(root, ".cache", `recipe-next-${process.pid}`);
const production = { NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" } as const;

beforeAll(() => fs.cpSync(path.join(root, "examples/recipes/next"), folder, { recursive: true }));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

test.skipIf(!hasSignals)(
  "the recipe of Next.js limits, spares a service that is down, and finishes what it has begun",
  { timeout: 300_000 },
  async () => {
    const service = await Service.start();
    const build = new Recipe([next, "build"], production, folder);
    expect(await build.end(), build.output).toBe(0);
    expect(build.output).not.toMatch(/warning/i);

    const environment = { ...production, NEXT_MANUAL_SIG_HANDLE: "true", PRICES_URL: service.url };
    const start = async (): Promise<[Recipe, string]> => {
      const started = new Recipe([next, "start", "-p", "0", "-H", "127.0.0.1"], environment, folder);
      const [, address = ""] = await started.prints(/Local: +(http:\S+)/);
      await started.prints(/Ready/);
      // Answered once instrumentation.js has been run; the next request then tells which server it is.
      await fetchOnce(address);
      return [started, address];
    };
    const [recipe, url] = await start();
    const ask = (pair: string, client: string, init?: RequestInit): Promise<Response> =>
      fetchOnce(`${url}/api/prices/${pair}`, { ...init, headers: { "X-Forwarded-For": client } });

    const response = await ask("BTC", "192.0.2.1");
    expect(await response.json()).toBe("200 /BTC");
    expect(response.headers.get("ratelimit")).toMatch(/^"client";r=19/);
    const odd = await ask("a%2F..%2F..%2Fadmin%3Fall", "192.0.2.2");
    expect(await odd.json()).toBe("200 /a%2F..%2F..%2Fadmin%3Fall");
    await until(async () => (await ask("BTC", "192.0.2.1")).status === 429);
    expect((await ask("BTC", "192.0.2.2")).status).toBe(200);

    service.isHolding = true;
    const client = new AbortController();
    const left = later(ask("left", "192.0.2.2", { signal: client.signal }));
    await until(() => service.requests.includes("GET /left"));
    client.abort();
    await expect(left).rejects.toThrow(/abort/);
    await until(() => service.abandoned === 1);
    service.release();

    service.status = 500;
    await until(async () => (await ask("down", "192.0.2.3")).status === 503);
    service.status = 200;
    expect((await ask("down", "192.0.2.3")).headers.get("retry-after")).toMatch(/^\d+$/);

    const [again, second] = await start();
    service.isHolding = true;
    const answer = later(fetchOnce(`${second}/api/prices/ETH`));
    await until(() => service.requests.includes("GET /ETH"));
    again.signal();
    await until(async () => (await fetchOnce(`${second}/`).catch(() => "it drains")) === "it drains");
    expect(again.output).not.toContain("the database is closed");
    service.release();
    expect(await (await answer).json()).toBe("200 /ETH");
    expect(await again.end(), again.output).toBe(143);
    expect(again.output).toContain("the database is closed");
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  },
);
