// Fastify: a limit for each client, 503 when there is too much to do, probes, and a shutdown that loses no request.
import { createServer } from "node:http";
import { Bulkhead, GracefulShutdown, Health, isRefusal, ResilienceError } from "@kstlib/resilience";
import { rateLimit, shedLoad } from "@kstlib/resilience/fastify";
import { resilientFetch } from "@kstlib/resilience/http";
import fastify from "fastify";

const { PORT = 3000, PROBES_PORT = 9090, PRICES_URL } = process.env;
const shutdown = new GracefulShutdown({ timeout: "25s" });
const health = new Health({ drainOn: shutdown.signal });
const timeout = Number(process.env.TIMEOUT ?? 5); // seconds, for each attempt
const prices = resilientFetch({ totalTimeout: 2 * timeout, retry: true, circuitBreaker: true, timeout });

const app = fastify();
await app.register(rateLimit, { limits: [{ name: "client", rate: 60, per: "1m", burst: 20 }] });
await app.register(shedLoad, { bulkhead: new Bulkhead({ maxConcurrent: 10, maxQueue: 5 }) });
app.get("/prices/:pair", async ({ params, signal }, reply) => {
  const answer = await prices(`${PRICES_URL}/${encodeURIComponent(params.pair)}`, { signal }); // the client's
  return reply.code(answer.status).send(await answer.text());
});
app.setErrorHandler((error, _request, reply) => {
  if (!(error instanceof ResilienceError)) return reply.send(error);
  const seconds = isRefusal(error) ? Math.ceil(Math.min(error.retryAfter ?? 1, 60)) : 1;
  return reply.code(503).header("Retry-After", seconds).send("try again later");
});

shutdown.registerServer("http", app);
await app.listen({ port: Number(PORT), host: "0.0.0.0" }); // otherwise nobody outside a container reaches it
console.log(`listening on ${app.server.address().port}`);
const probes = createServer(health.handler());
probes.listen(PROBES_PORT, () => console.log(`probes on ${probes.address().port}`));
shutdown.registerServer("probes", probes, { priority: 1000 }); // closed last
shutdown.install();
