// Hono on Node: a limit for each client, 503 when there is too much to do, probes, and a shutdown that loses no request.
import { createServer } from "node:http";
import { serve } from "@hono/node-server";
import { Bulkhead, GracefulShutdown, Health, isRefusal, ResilienceError } from "@kstlib/resilience";
import { rateLimit } from "@kstlib/resilience/hono";
import { resilientFetch } from "@kstlib/resilience/http";
import { Hono } from "hono";

const { PORT = 3000, PROBES_PORT = 9090, PRICES_URL } = process.env;
const shutdown = new GracefulShutdown({ timeout: "25s" });
const health = new Health({ drainOn: shutdown.signal });
const timeout = Number(process.env.TIMEOUT ?? 5); // seconds, for each attempt
const prices = resilientFetch({ totalTimeout: 2 * timeout, retry: true, circuitBreaker: true, timeout });

const app = new Hono();
app.use(rateLimit({ limits: [{ name: "client", rate: 60, per: "1m", burst: 20 }] }));
const bulkhead = new Bulkhead({ maxConcurrent: 10, maxQueue: 5 });
app.use((_context, next) => bulkhead.execute(next));
app.get("/prices/:pair", async ({ req, body }) => {
  const answer = await prices(`${PRICES_URL}/${encodeURIComponent(req.param("pair"))}`, {
    signal: req.raw.signal,
  });
  return body(answer.body, answer.status);
});
app.onError((error, { text }) => {
  if (!(error instanceof ResilienceError)) return text("a mistake of this program", 500);
  const seconds = isRefusal(error) ? Math.ceil(Math.min(error.retryAfter ?? 1, 60)) : 1;
  return text("try again later", 503, { "Retry-After": String(seconds) });
});

const server = serve({ fetch: app.fetch, port: Number(PORT) }, ({ port }) =>
  console.log(`listening on ${port}`),
);
shutdown.registerServer("http", server);
const probes = createServer(health.handler());
probes.listen(PROBES_PORT, () => console.log(`probes on ${probes.address().port}`));
shutdown.registerServer("probes", probes, { priority: 1000 }); // closed last
shutdown.install();
