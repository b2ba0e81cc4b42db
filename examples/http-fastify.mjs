// Rate limits and load shedding in Fastify 5: before bodies are read, with a limit of its own for one route, and none for another.
import { Bulkhead } from "@kstlib/resilience";
import { rateLimit, shedLoad } from "@kstlib/resilience/fastify";
import fastify from "fastify";

const app = fastify();
await app.register(shedLoad, { bulkhead: new Bulkhead({ maxConcurrent: 50 }) });
await app.register(rateLimit, { limits: [{ name: "client", rate: 2, per: "1m" }] });
const logins = { limits: [{ name: "logins", rate: 1, per: "1m" }] };
app.get("/", async () => "hello");
app.get("/login", { config: { rateLimit: logins } }, async () => "welcome");
app.get("/health", { config: { rateLimit: false } }, async () => "ok");

for (const url of ["/login", "/login", "/", "/", "/", "/health"]) {
  const { statusCode, headers, body } = await app.inject(url);
  console.log(url, statusCode, headers.ratelimit ?? "not limited", body.slice(0, 80));
}
await app.close();
