// Express: a limit for each client, 503 when there is too much to do, probes, and a shutdown that loses no request.
import { createServer } from "node:http";
import { Bulkhead, GracefulShutdown, Health, isRefusal, ResilienceError } from "@kstlib/resilience";
import { rateLimit, resilientFetch, shedLoad } from "@kstlib/resilience/http";
import express from "express";

const { PORT = 3000, PROBES_PORT = 9090, PRICES_URL } = process.env;
const shutdown = new GracefulShutdown({ timeout: "25s" });
const health = new Health({ drainOn: shutdown.signal });
const timeout = Number(process.env.TIMEOUT ?? 5); // seconds, for each attempt
const prices = resilientFetch({ totalTimeout: 2 * timeout, retry: true, circuitBreaker: true, timeout });

const app = express();
app.use(rateLimit({ limits: [{ name: "client", rate: 60, per: "1m", burst: 20 }] }));
app.use(shedLoad({ bulkhead: new Bulkhead({ maxConcurrent: 10, maxQueue: 5 }) }));
app.get("/prices/:pair", async (request, response) => {
  const left = new AbortController();
  response.on("close", () => left.abort());
  const answer = await prices(`${PRICES_URL}/${encodeURIComponent(request.params.pair)}`, {
    signal: left.signal,
  });
  response.status(answer.status).send(await answer.text());
});
app.use((error, _request, response, next) => {
  if (response.destroyed) return; // the client has gone
  if (response.headersSent || !(error instanceof ResilienceError)) return next(error);
  const seconds = isRefusal(error) ? Math.ceil(Math.min(error.retryAfter ?? 1, 60)) : 1;
  response.status(503).set("Retry-After", String(seconds)).send("try again later");
});

const server = createServer(app).listen(PORT, () => console.log(`listening on ${server.address().port}`));
shutdown.registerServer("http", server);
const probes = createServer(health.handler());
probes.listen(PROBES_PORT, () => console.log(`probes on ${probes.address().port}`));
shutdown.registerServer("probes", probes, { priority: 1000 }); // closed last
shutdown.install();
