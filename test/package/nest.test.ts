import { expect, test } from "vitest";
import { Project } from "./project.js";
import { TSC } from "./typescript.js";

const PROGRAM = `
import "reflect-metadata";
import { Controller, Get, Header, Inject, Injectable, Module, Param } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import {
  bulkhead,
  CircuitBreaker,
  circuitBreaker,
  circuitBreakerSync,
  fallback,
  pipeline,
  rateLimiter,
  rateLimiterSync,
  retry,
  timeout,
} from "@kstlib/resilience";

const pipe = pipeline(new CircuitBreaker({ name: "pipe" }));

@Injectable()
class Prices {
  calls = 0;

  @retry({ attempts: 3, delay: "1ms" })
  @circuitBreaker({ name: "prices", maxFailures: 5 })
  async latest(pair: string): Promise<string> {
    if (++this.calls === 1) throw new Error("not yet");
    return pair + " at call " + this.calls;
  }

  @fallback({ to: null })
  async nothing(): Promise<string | null> {
    throw new Error("down");
  }

  @circuitBreakerSync
  @rateLimiterSync({ rate: 100 })
  parse(text: string): number {
    return Number(text);
  }

  @bulkhead
  @rateLimiter({ rate: 100, perInstance: true })
  @pipe.decorator
  static async total(...prices: number[]): Promise<number> {
    return prices.reduce((sum, price) => sum + price, this.name.length);
  }
}

@Controller("prices")
class PricesController {
  constructor(@Inject(Prices) private readonly prices: Prices) {}

  @timeout({ timeout: "60s" })
  @Header("x-above", "yes")
  @Get("above/:pair")
  async above(@Param("pair") pair: string): Promise<string> {
    return this.prices.latest(pair);
  }

  @Get("below/:pair")
  @timeout({ timeout: "60s" })
  async below(@Param("pair") pair: string): Promise<string> {
    return this.prices.latest(pair);
  }
}

@Module({ controllers: [PricesController], providers: [Prices] })
class App {}

export function wrong(): unknown {
  class Wrong {
    // @ts-expect-error -- a synchronous method would return a promise.
    @retry()
    one(): number {
      return 1;
    }
    // @ts-expect-error -- the same.
    @circuitBreaker
    two(): number {
      return 2;
    }
    // @ts-expect-error -- for synchronous methods.
    @circuitBreakerSync()
    async three(): Promise<number> {
      return 3;
    }
    // @ts-expect-error -- the result may be null.
    @fallback({ to: null })
    async four(): Promise<number> {
      return 4;
    }
    // @ts-expect-error -- no method.
    @retry()
    five = 5;
  }
  return Wrong;
}

async function main(): Promise<void> {
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, "127.0.0.1");
  const answers: unknown[] = [];
  for (const way of ["above", "below"]) {
    const answer = await fetch((await app.getUrl()) + "/prices/" + way + "/BTC");
    answers.push(answer.status, await answer.text(), answer.headers.get("x-above"));
  }
  const prices = app.get(Prices);
  const { latest } = Prices.prototype as unknown as { latest: { policy: { stats: { retries: number } } } };
  answers.push(latest.policy.stats.retries, await prices.nothing(), prices.parse("7"), await Prices.total(1, 2));
  let refused = "";
  try {
    wrong();
  } catch (error) {
    refused = (error as Error).message;
  }
  console.log(JSON.stringify([...answers, refused]));
  await app.close();
}
void main();
`;

test.each([
  ["5.4", "an ES module", "m"],
  ["6", "an ES module", "m"],
  ["7", "a CommonJS module", "c"],
] as const)(
  "methods of a Nest application are decorated with experimentalDecorators, TypeScript %s, %s",
  async (version, _kind, letter) => {
    const project = new Project().link(
      "@types/node",
      "undici-types",
      "@nestjs/common",
      "@nestjs/core",
      "@nestjs/platform-express",
      "reflect-metadata",
      "rxjs",
    );
    project.write(`app.${letter}ts`, PROGRAM);
    project.write("tsconfig.json", {
      compilerOptions: {
        target: "es2022",
        lib: ["es2023", "esnext.disposable"],
        module: "nodenext",
        types: ["node"],
        strict: true,
        skipLibCheck: true,
        esModuleInterop: true,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
      },
      files: [`app.${letter}ts`],
    });
    expect(await project.run(process.execPath, [TSC[version], "-p", "."])).toBe("");
    expect(JSON.parse(await project.run(process.execPath, [`app.${letter}js`]))).toEqual([
      200,
      "BTC at call 2",
      "yes",
      200,
      "BTC at call 3",
      null,
      1,
      null,
      7,
      9,
      '@retry decorates methods; got "five", which is none.',
    ]);
  },
);
