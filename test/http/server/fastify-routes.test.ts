import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { type FastifyRouteRateLimit, rateLimit } from "../../../src/fastify/index.js";
import { KeyedRateLimiter } from "../../../src/rate-limiter/keyed-rate-limiter.js";

declare module "fastify" {
  interface FastifyContextConfig {
    rateLimit?: FastifyRouteRateLimit;
  }
}

const closing: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of closing.splice(0)) await app.close();
});

const once = (name: string) => ({ limits: [{ name, rate: 1, per: "1h" }] }) as const;

async function application(prepare?: (app: FastifyInstance) => unknown): Promise<FastifyInstance> {
  const app = fastify();
  closing.push(app);
  await prepare?.(app);
  return app;
}

async function answers(app: FastifyInstance, url: string, count = 2): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let at = 0; at < count; at++) {
    const { statusCode, headers } = await app.inject(url);
    found.push([statusCode, String(headers["ratelimit"]).split(";")[0]]);
  }
  return found;
}

const onlyOne = (name: string): unknown[] => [
  [200, `"${name}"`],
  [429, `"${name}"`],
];

describe("a route of Fastify", () => {
  test("has options and buckets of its own, or none, and all others those of the plugin", async () => {
    const app = await application(async (server) => {
      await server.register(rateLimit, once("all"));
      server.get("/", () => "hello");
      server.get("/own", { config: { rateLimit: once("own") } }, () => "hello");
      server.get("/another", { config: { rateLimit: once("another") } }, () => "hello");
      server.get("/free", { config: { rateLimit: false } }, () => "hello");
    });
    expect(await answers(app, "/own")).toEqual(onlyOne("own"));
    expect(await answers(app, "/another")).toEqual(onlyOne("another"));
    expect(await answers(app, "/")).toEqual(onlyOne("all"));
    expect(await answers(app, "/free")).toEqual([
      [200, "undefined"],
      [200, "undefined"],
    ]);
    expect(await answers(app, "/nowhere", 1)).toEqual([[429, '"all"']]);
  });

  test("shares buckets with one that has the same object, such as that of HEAD", async () => {
    const shared = once("shared");
    const app = await application(async (server) => {
      await server.register(rateLimit, once("all"));
      server.get("/one", { config: { rateLimit: shared } }, () => "hello");
      server.get("/other", { config: { rateLimit: shared } }, () => "hello");
    });
    expect((await app.inject({ url: "/one", method: "HEAD" })).statusCode).toBe(200);
    expect(await answers(app, "/one", 1)).toEqual([[429, '"shared"']]);
    expect(await answers(app, "/other", 1)).toEqual([[429, '"shared"']]);
  });

  test("keeps the plugin's options but those that it gives, and a limiter takes the place of limits", async () => {
    const limiter = new KeyedRateLimiter({ name: "tokens", rate: 3, per: "1h" });
    const app = await application(async (server) => {
      const key = ({ headers }: FastifyRequest): string => String(headers["x-key"]);
      await server.register(rateLimit, { ...once("all"), key });
      server.get("/cheap", { config: { rateLimit: { cost: () => 0 } } }, () => "hello");
      server.get("/tokens", { config: { rateLimit: { limiter, cost: () => 2 } } }, () => "hello");
    });
    expect(await answers(app, "/cheap", 3)).toEqual(Array.from({ length: 3 }, () => [200, '"all"']));
    expect(await answers(app, "/tokens", 2)).toEqual(onlyOne("tokens"));
    expect(limiter.tokens("undefined")).toBeLessThan(2);
  });

  test("with wrong options cannot be added", async () => {
    for (const [wrong, message] of [
      [{ limits: [] }, /list of 1 to 16 limits/],
      [{ max: 5 }, /max/],
      [true, /config.rateLimit of a route must be options of rateLimit, or false; got true/],
      ["5/min", /got "5\/min"/],
      [null, /got null/],
    ] as const) {
      const app = await application(async (server) => server.register(rateLimit, once("all")));
      expect(() => app.get("/", { config: { rateLimit: wrong as never } }, () => "hello")).toThrow(message);
    }
  });

  test("that another plugin changes afterwards has what it was given", async () => {
    const app = await application(async (server) => {
      await server.register(rateLimit, once("all"));
      server.addHook("onRoute", (route) => {
        if (route.url === "/changed") route.config = { ...route.config, rateLimit: once("changed") };
      });
      server.get("/changed", () => "hello");
      server.get("/", () => "hello");
    });
    expect(await answers(app, "/changed")).toEqual(onlyOne("changed"));
    expect(await answers(app, "/")).toEqual(onlyOne("all"));
  });

  test("added before the plugin has its own options, too, and an error when they are wrong", async () => {
    const app = await application(async (server) => {
      server.get("/own", { config: { rateLimit: once("own") } }, () => "hello");
      server.get("/wrong", { config: { rateLimit: { limits: [] } } }, () => "hello");
      // Not waited for: it is loaded after all routes.
      void server.register(rateLimit, once("all"));
      server.get("/late", { config: { rateLimit: false } }, () => "hello");
    });
    expect(await answers(app, "/own")).toEqual(onlyOne("own"));
    expect(await answers(app, "/late", 1)).toEqual([[200, "undefined"]]);
    expect((await app.inject("/wrong")).json()).toMatchObject({
      statusCode: 500,
      message: expect.stringMatching(/list of 1 to 16 limits/) as string,
    });
  });

  test("outside the scope of the plugin is not limited", async () => {
    const app = await application(async (server) => {
      await server.register(async (inner) => {
        await inner.register(rateLimit, once("inner"));
        inner.get("/inner", () => "hello");
      });
      server.get("/", () => "hello");
    });
    expect(await answers(app, "/inner")).toEqual(onlyOne("inner"));
    expect(await answers(app, "/")).toEqual([
      [200, "undefined"],
      [200, "undefined"],
    ]);
  });
});
