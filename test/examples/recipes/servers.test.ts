import { describe, expect, test } from "vitest";
import { ask, hasSignals, later, Recipe, Service, until } from "./recipe.js";

async function start(file: string): Promise<{ service: Service; recipe: Recipe; url: string }> {
  const service = await Service.start();
  const recipe = new Recipe(file, { PORT: "0", PROBES_PORT: "0", PRICES_URL: service.url });
  return { service, recipe, url: await recipe.url() };
}

/** Asks the probes of a recipe that has any. */
async function probe(recipe: Recipe, path: string): Promise<number> {
  return (await ask(`${await recipe.url("probes")}${path}`)).status;
}

describe.skipIf(!hasSignals).each([
  { file: "express.mjs", hasProbes: true },
  { file: "fastify.mjs", hasProbes: true },
  { file: "hono.mjs", hasProbes: true },
  { file: "nest.mjs", hasProbes: false },
])("the recipe $file", ({ file, hasProbes }) => {
  test("sheds load, and finishes what it has admitted after SIGTERM", async () => {
    const { service, recipe, url } = await start(file);
    expect(await (await ask(`${url}/prices/warm`)).json()).toBe("200 /warm");
    // A parameter is no path: nobody asks for anything else of the service.
    expect(await (await ask(`${url}/prices/a%2F..%2F..%2Fadmin%3Fall`)).json()).toMatch(/^200 \/a%2F/);
    service.isHolding = true;
    const statuses: number[] = [];
    const price = async (pair: number): Promise<Response> => {
      const response = await ask(`${url}/prices/${pair}`);
      statuses.push(response.status);
      return response;
    };
    const answers = Array.from({ length: 16 }, (_, pair) => later(price(pair)));
    await until(() => statuses.length === 1 && service.requests.length >= 12);
    expect(statuses).toEqual([503]);

    recipe.signal();
    await until(async () =>
      hasProbes
        ? (await probe(recipe, "/readyz")) === 503
        : (await ask(url).catch(() => "it drains")) === "it drains",
    );
    expect(hasProbes ? await probe(recipe, "/livez") : 200).toBe(200);
    // The hook of Nest is not called before the answers are out.
    expect(recipe.output).not.toContain("onModuleDestroy");
    service.release();
    for (const answer of await Promise.all(answers)) await answer.text();
    expect(statuses).toEqual([503, ...Array.from({ length: 15 }, () => 200)]);
    expect(await recipe.end(), recipe.output).toBe(143);
    expect(recipe.output.split("onModuleDestroy")).toHaveLength(hasProbes ? 1 : 2);
  });

  test("spares a service that is down, and limits each client", async () => {
    const { recipe, url, service } = await start(file);
    service.status = 500;
    let response: Response;
    let count = 0;
    const price = async (): Promise<Response> => {
      response = await ask(`${url}/prices/down`);
      await response.text();
      expect(response.headers.get("ratelimit")).toContain('"client"');
      count++;
      return response;
    };
    await until(async () => (await price()).status === 503);
    const { length } = service.requests;
    response = await price();
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(1);
    await until(async () => (await price()).status === 429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(count).toBeGreaterThan(20);
    expect(service.requests).toHaveLength(length);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });
});

test.skipIf(!hasSignals).each(["express.mjs", "fastify.mjs", "hono.mjs"])(
  "the recipe %s gives up what nobody waits for",
  async (file) => {
    const { recipe, url, service } = await start(file);
    service.isHolding = true;
    const client = new AbortController();
    const answer = later(ask(`${url}/prices/slow`, { signal: client.signal }));
    await until(() => service.requests.length === 1);
    client.abort();
    await expect(answer).rejects.toThrow(/abort/);
    await until(() => service.abandoned === 1);
    expect(service.requests).toHaveLength(1);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  },
);
