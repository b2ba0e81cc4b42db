// BullMQ: workers that share a limit and a circuit, leave jobs in the queue while the service is down, and lose none.
import { GracefulShutdown, isRefusal } from "@kstlib/resilience";
import { resilientFetch } from "@kstlib/resilience/http";
import { SharedCircuitBreaker, SharedRateLimiter } from "@kstlib/resilience/redis";
import { Queue, RateLimitError, Worker } from "bullmq";
import { Redis } from "ioredis";

const { REDIS_URL, MAIL_URL, TIMEOUT = 10, STALLED_MS = 30_000 } = process.env;
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const limits = { rate: 20, burst: 5, storeTimeout: Number(TIMEOUT) }; // jobs can wait for Redis
const rateLimiter = new SharedRateLimiter({ client: connection, name: "mail", ...limits });
const circuitBreaker = new SharedCircuitBreaker({ client: connection, name: "mail", resetTimeout: "2s" });
// Without a retry: BullMQ repeats jobs, after the backoff that they were added with.
const times = { totalTimeout: Number(TIMEOUT), timeout: Number(TIMEOUT) / 2 };
const send = resilientFetch({ name: "mail", rateLimiter, circuitBreaker, ...times });
const queue = new Queue("mail", { connection });
async function work({ id, data }) {
  // By the key the service knows a job that comes twice, because its worker was killed.
  const init = { method: "POST", headers: { "Idempotency-Key": id }, body: JSON.stringify(data) };
  try {
    const response = await send(MAIL_URL, init);
    if (response.ok) return await response.text();
    throw new Error(`status ${response.status}: ${await response.text()}`);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // Nothing was sent: the job goes back without having used an attempt, and no worker takes one for a while.
    await queue.rateLimit(1000 * Math.ceil(Math.min(error.retryAfter || 1, 60)));
    throw new RateLimitError();
  }
}
const limiter = { max: 1000, duration: 1000 }; // BullMQ heeds queue.rateLimit only if there is one
const stalledInterval = Number(STALLED_MS);
const worker = new Worker("mail", work, { connection, concurrency: 10, limiter, stalledInterval });
for (const event of ["ready", "closing"]) worker.on(event, () => console.log(event));
const shutdown = new GracefulShutdown({ timeout: "25s" });
shutdown.register("worker", () => worker.close(), { priority: 10 }); // the jobs under way may end
const parts = [queue, rateLimiter, circuitBreaker];
shutdown.register("shared", () => Promise.all(parts.map((part) => part.close())), { priority: 20 });
shutdown.register("redis", () => connection.quit(), { priority: 30 });
shutdown.install();
