import { describe, expect, test } from "vitest";
import { Recipe, Service, until } from "./recipe.js";

describe("the recipe undici.mjs", () => {
  async function start(): Promise<{ service: Service; recipe: Recipe }> {
    const service = await Service.start();
    return { service, recipe: new Recipe("undici.mjs", { SERVICE_URL: service.url, EVERY_MS: "20" }) };
  }

  test("sends again what failed, spares a service that is down, and asks it again later", async () => {
    const { service, recipe } = await start();
    await recipe.prints(/BTC 200/);
    service.status = 500;
    await recipe.prints(/no price: CircuitOpenError/);
    const asked = service.requests.length;
    const refusals = (): number => recipe.output.split("CircuitOpenError").length;
    const before = refusals();
    await until(() => refusals() > before + 5);
    expect(service.requests.length).toBeLessThan(asked + 5);
    service.status = 200;
    recipe.output = "";
    await recipe.prints(/BTC 200/);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("takes a 429 for no failure, and repeats it", async () => {
    const { service, recipe } = await start();
    await recipe.prints(/BTC 200/);
    service.headers = { "retry-after": "1" };
    service.status = 429;
    const asked = service.requests.length;
    await until(() => service.requests.length > asked);
    service.status = 200;
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
