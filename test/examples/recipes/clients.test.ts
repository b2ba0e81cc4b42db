import { once } from "node:events";
import http from "node:http";
import { describe, expect, test } from "vitest";
import { ask as fetchOnce, hasSignals, later, Recipe, Service, until } from "./recipe.js";

describe.skipIf(!hasSignals)("the recipe undici.mjs", () => {
  async function start(): Promise<{ service: Service; recipe: Recipe }> {
    const service = await Service.start();
    return { service, recipe: new Recipe("undici.mjs", { SERVICE_URL: service.url, EVERY_MS: "20" }) };
  }

  test("sends again what failed, spares a service that is down, and asks it again later", async () => {
    const { service, recipe } = await start();
    await recipe.prints(/BTC 200/);
    service.status = 500;
    await recipe.prints(/no price: CircuitOpenError/);
    const refusals = (): number => recipe.output.split("CircuitOpenError").length;
    // However slowly time goes by here: sooner or later several calls in a row ask nothing.
    let [asked, before] = [0, 0];
    await until(() => {
      if (asked !== service.requests.length) [asked, before] = [service.requests.length, refusals()];
      return refusals() > before + 5;
    });
    service.status = 200;
    recipe.output = "";
    await recipe.prints(/BTC 200/);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("takes a 429 for no failure, and repeats it", async () => {
    const { service, recipe } = await start();
    await recipe.prints(/BTC 200/);
    service.next.push({ status: 429, headers: { "retry-after": "1" } });
    await until(() => service.next.length === 0);
    recipe.output = "";
    await recipe.prints(/BTC 200/);
    expect(recipe.output).not.toContain("no price");
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("reads the answer that is under way at SIGTERM", async () => {
    const { service, recipe } = await start();
    service.isHolding = true;
    await until(() => service.requests.length === 1);
    recipe.signal();
    service.release();
    expect(await recipe.end(), recipe.output).toBe(143);
    expect(recipe.output).toBe("BTC 200 /BTC\n");
    expect(service.abandoned).toBe(0);
  });
});

describe.skipIf(!hasSignals)("the recipe axios.mjs", () => {
  async function start(): Promise<{ service: Service; recipe: Recipe; url: string }> {
    const service = await Service.start();
    const recipe = new Recipe("axios.mjs", { PORT: "0", SERVICE_URL: service.url });
    return { service, recipe, url: await recipe.url() };
  }
  const ask = async (url: string, init?: RequestInit): Promise<string> => {
    const response = await fetchOnce(url, init);
    return `${response.status} ${await response.text()}`;
  };

  test("tells what failed by an AxiosError, whose code is that of the policy that refused", async () => {
    const { service, recipe, url } = await start();
    expect(await ask(`${url}/1`)).toBe('200 "200 /1"');
    service.status = 404;
    for (let call = 1; call <= 6; call++) expect(await ask(`${url}/2`)).toMatch(/^404 ERR_BAD_REQUEST/);
    service.status = 500;
    expect(await ask(`${url}/3`, { method: "POST" })).toMatch(/^500 ERR_BAD_RESPONSE/);
    await until(async () => (await ask(`${url}/3`)).startsWith("503 ERR_CIRCUIT_OPEN"));
    expect(service.requests.filter((request) => request === "POST /3")).toHaveLength(1);
    expect(service.requests.filter((request) => request === "GET /3").length).toBeGreaterThanOrEqual(3);
    service.status = 200;
    await until(async () => (await ask(`${url}/4`)) === '200 "200 /4"');
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("asks no other service, whatever address a request names", async () => {
    const { service, recipe, url } = await start();
    const other = await Service.start();
    const request = http.get(url, { path: `${other.url}/secret`, agent: false });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.resume();
    expect(other.requests).toEqual([]);
    expect(service.requests).toEqual([`GET /${other.url}/secret`]);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("ends a request when nobody waits for it, and finishes those under way at SIGTERM", async () => {
    const { service, recipe, url } = await start();
    service.isHolding = true;
    const client = new AbortController();
    const left = later(ask(`${url}/left`, { signal: client.signal }));
    await until(() => service.requests.length === 1);
    client.abort();
    await expect(left).rejects.toThrow(/abort/);
    await until(() => service.abandoned === 1);
    service.release();

    service.isHolding = true;
    const answer = later(ask(`${url}/under-way`));
    await until(() => service.requests.includes("GET /under-way"));
    recipe.signal();
    service.release();
    expect(await answer).toBe('200 "200 /under-way"');
    expect(await recipe.end(), recipe.output).toBe(143);
    expect(service.requests).toHaveLength(2);
  });
});
