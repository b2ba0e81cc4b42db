import { describe, expect, test } from "vitest";
import { Recipe, Service, until } from "./recipe.js";

async function start(file: string): Promise<{ service: Service; recipe: Recipe; url: string }> {
  const service = await Service.start();
  const recipe = new Recipe(file, { PORT: "0", PROBES_PORT: "0", PRICES_URL: service.url });
  return { service, recipe, url: await recipe.url() };
}

describe.each(["express.mjs", "fastify.mjs", "hono.mjs", "nest.mjs"])("the recipe %s", (file) => {
  test("sheds load, and finishes what it has admitted after SIGTERM", async () => {
    const { service, recipe, url } = await start(file);
    expect(await (await fetch(`${url}/prices/warm`)).json()).toBe("200 /warm");
    service.isHolding = true;
    const statuses: number[] = [];
    const answers = Array.from({ length: 16 }, async (_, request) => {
      const response = await fetch(`${url}/prices/${request}`);
      statuses.push(response.status);
      return response;
    });
    await until(() => statuses.length === 1 && service.requests.length >= 11);
    expect(statuses).toEqual([503]);

    recipe.signal();
    service.release();
    for (const answer of await Promise.all(answers)) await answer.text();
    expect(statuses).toEqual([503, ...Array.from({ length: 15 }, () => 200)]);
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("limits each client", async () => {
    const { recipe, url, service } = await start(file);
    let response: Response;
    do {
      response = await fetch(`${url}/prices/BTC`);
      await response.text();
      expect(response.headers.get("ratelimit")).toContain('"client"');
    } while (response.status === 200);
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(service.requests.length).toBeGreaterThanOrEqual(20);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("says 503 when the circuit of what it calls is open", async () => {
    const { recipe, url, service } = await start(file);
    service.status = 500;
    await until(async () => (await fetch(`${url}/prices/down`)).status === 503);
    const { length } = service.requests;
    const response = await fetch(`${url}/prices/down`);
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(1);
    expect(service.requests).toHaveLength(length);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });
});

describe.each(["express.mjs", "fastify.mjs", "hono.mjs"])("the recipe %s, also", (file) => {
  test("tells by its probes that it drains, until it has", async () => {
    const { service, recipe, url } = await start(file);
    const probes = await recipe.url("probes");
    expect((await fetch(`${probes}/readyz`)).status).toBe(200);
    service.isHolding = true;
    const answer = fetch(`${url}/prices/BTC`);
    await until(() => service.requests.length === 1);
    recipe.signal();
    await until(async () => (await fetch(`${probes}/readyz`)).status === 503);
    expect((await fetch(`${probes}/livez`)).status).toBe(200);
    service.release();
    expect((await answer).status).toBe(200);
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("gives up what nobody waits for", async () => {
    const { recipe, url, service } = await start(file);
    service.isHolding = true;
    const client = new AbortController();
    const answer = fetch(`${url}/prices/slow`, { signal: client.signal });
    await until(() => service.requests.length === 1);
    client.abort();
    await expect(answer).rejects.toThrow(/abort/);
    await until(() => service.abandoned === 1);
    expect(service.requests).toHaveLength(1);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });
});

test("the recipe nest.mjs runs the hooks of Nest once, when the answers are out", async () => {
  const { service, recipe, url } = await start("nest.mjs");
  service.isHolding = true;
  const answer = fetch(`${url}/prices/BTC`);
  await until(() => service.requests.length === 1);
  recipe.signal();
  await until(async () => (await fetch(url).catch(() => undefined)) === undefined); // it drains
  expect(recipe.output).not.toContain("onModuleDestroy");
  service.release();
  expect((await answer).status).toBe(200);
  expect(await recipe.end(), recipe.output).toBe(143);
  expect(recipe.output.match(/onModuleDestroy/g)).toHaveLength(1);
});
