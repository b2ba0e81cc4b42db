import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { hasRedis, startServer } from "../../redis/servers/servers.js";
import { hasSignals, Recipe, Service, until } from "./recipe.js";

describe.skipIf(!hasSignals || !hasRedis)("the recipe bullmq.mjs", () => {
  async function start() {
    const redis = await startServer();
    const service = await Service.start();
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
    const queue = new Queue("mail", { connection });
    onTestFinished(async () => {
      await queue.close();
      connection.disconnect();
    });
    const worker = async (): Promise<Recipe> => {
      const environment = { REDIS_URL: redis.url, MAIL_URL: service.url, STALLED_MS: "200" };
      const recipe = new Recipe("bullmq.mjs", environment);
      await recipe.prints(/^ready$/m);
      return recipe;
    };
    const add = (count: number) =>
      queue.addBulk(
        Array.from({ length: count }, (_, index) => ({
          name: "welcome",
          data: { to: `user ${index}` },
          opts: { attempts: 3, backoff: { type: "fixed", delay: 100 } },
        })),
      );
    const has = (state: "completed" | "failed" | "active" | "wait", count: number) => async () =>
      (await queue.getJobCountByTypes(state)) === count;
    /** The time of Redis in seconds, by which the limit goes. */
    const time = async (): Promise<number> => {
      const [seconds = 0, microseconds = 0] = await connection.time();
      return seconds + microseconds / 1e6;
    };
    return { service, connection, queue, worker, add, has, time };
  }

  test("two workers keep one limit, and do each job once", async () => {
    const { service, worker, add, has, time } = await start();
    const workers = await Promise.all([worker(), worker()]);
    const began = await time();
    await add(40);
    await until(has("completed", 40));
    // 5 at once, then 20 a second: at least 1.75 s, however busy the machine is. With limits of their own it would be 0.75 s.
    expect((await time()) - began).toBeGreaterThan(1.74);
    expect(service.requests).toHaveLength(40);
    for (const recipe of workers) {
      recipe.signal();
      expect(await recipe.end(), recipe.output).toBe(143);
    }
  });

  test("an outage costs a few requests and no job", async () => {
    const { service, worker, add, has, queue } = await start();
    const workers = await Promise.all([worker(), worker()]);
    service.status = 500;
    await add(20);
    // The queue is paused: nobody has a job.
    await until(async () => (await queue.getRateLimitTtl()) > 0 && (await has("active", 0)()));
    service.status = 200;
    await until(has("completed", 20));
    expect(await queue.getFailedCount()).toBe(0);
    for (const recipe of workers) {
      recipe.signal();
      expect(await recipe.end(), recipe.output).toBe(143);
    }
  });

  test("the jobs under way at SIGTERM are done, the others stay in the queue", async () => {
    const { service, worker, add, has } = await start();
    const recipe = await worker();
    service.isHolding = true;
    await add(12);
    await until(() => service.requests.length === 10);
    recipe.signal();
    await recipe.prints(/^closing$/m);
    service.release();
    expect(await recipe.end(), recipe.output).toBe(143);
    expect(service.requests).toHaveLength(10);
    expect(await has("completed", 10)()).toBe(true);
    expect(await has("wait", 2)()).toBe(true);
    expect(await has("active", 0)()).toBe(true);
  });

  test("a job whose worker was killed is done by another one", async () => {
    const { service, connection, queue, worker, add, has } = await start();
    const [one, other] = [await worker(), await worker()];
    service.isHolding = true;
    const [job] = await add(1);
    await until(() => service.requests.length === 1);
    one.signal("SIGKILL");
    other.signal("SIGKILL");
    expect([await one.end(), await other.end()]).toEqual(["SIGKILL", "SIGKILL"]);
    await connection.del(queue.toKey(`${job?.id}:lock`)); // as after its 30 s
    service.release();
    const recipe = await worker();
    await until(has("completed", 1));
    expect(service.requests).toHaveLength(2);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });
});
