import { Redis } from "ioredis";
import { onTestFinished, vi } from "vitest";
import { CircuitOpenError } from "../../../src/circuit-breaker/errors.js";
import type { SharedCircuitBreakerOptions } from "../../../src/redis/circuit-breaker/options.js";
import { SharedCircuitBreaker } from "../../../src/redis/circuit-breaker/shared-circuit-breaker.js";

type Options = Omit<SharedCircuitBreakerOptions, "client"> & { readonly client?: object };

const wait = { timeout: 60_000, interval: 2 };

/** An instance with a client of its own, closed when the test is over. */
export function instance(port: number, options: Options): SharedCircuitBreaker {
  const client = new Redis(port, { retryStrategy: () => 50 });
  client.on("error", () => {});
  const breaker = new SharedCircuitBreaker({
    client,
    maxFailures: 3,
    resetTimeout: "1m",
    storeTimeout: "2s",
    ...options,
  });
  onTestFinished(async () => {
    await breaker.close();
    client.disconnect();
  });
  return breaker;
}

/** An instance that knows the state and is subscribed to its changes. */
export async function joined(
  server: { readonly port: number; command(...words: string[]): Promise<unknown> },
  options: Options,
): Promise<SharedCircuitBreaker> {
  const { keyPrefix = "kstlib:", name } = options;
  const channel = `${keyPrefix}circuit:{${name}}:changes`;
  const subscribers = async (): Promise<number> => {
    const reply = await server.command("PUBSUB", "NUMSUB", channel);
    return Array.isArray(reply) ? Number(reply[1]) : 0;
  };
  const before = await subscribers();
  const breaker = instance(server.port, options);
  await breaker.call(() => 0).catch(() => {});
  await vi.waitUntil(async () => (await subscribers()) > before, wait);
  return breaker;
}

/** Makes a call, and says how it has ended. */
export async function outcome(
  breaker: Pick<SharedCircuitBreaker, "call">,
  fn: () => unknown = () => Promise.reject(new Error("down")),
): Promise<"success" | "failed" | "refused"> {
  try {
    await breaker.call(fn);
    return "success";
  } catch (error) {
    return error instanceof CircuitOpenError ? "refused" : "failed";
  }
}

/** Fails until the circuit is open. */
export async function open(breaker: SharedCircuitBreaker): Promise<void> {
  while ((await outcome(breaker)) === "failed");
}

export const until = (what: () => unknown): Promise<unknown> => vi.waitUntil(what, wait);

/** How many scripts the server has run. */
export async function scripts(server: { command(...words: string[]): Promise<unknown> }): Promise<number> {
  const text = String(await server.command("INFO", "commandstats"));
  return [...text.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}
