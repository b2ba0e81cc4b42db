// Rate limits in Fastify 5: before bodies are read, for all routes but one.
import { rateLimit } from "@kstlib/resilience/fastify";
import fastify from "fastify";

const app = fastify();
await app.register(rateLimit, {
  limits: [{ name: "client", rate: 2, per: "1m" }],
  skip: (request) => request.url === "/health",
});
app.get("/", async () => "hello");
app.get("/health", async () => "ok");

for (const url of ["/", "/", "/", "/health"]) {
  const { statusCode, headers, body } = await app.inject(url);
  console.log(url, statusCode, headers.ratelimit ?? "not limited", body.slice(0, 80));
}
await app.close();
