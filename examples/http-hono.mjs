// Rate limits and load shedding in Hono on Node. Deno and Bun tell the client's address as well; elsewhere, give `address`.
import { once } from "node:events";
import { serve } from "@hono/node-server";
import { Bulkhead } from "@kstlib/resilience";
import { rateLimit, shedLoad } from "@kstlib/resilience/hono";
import { Hono } from "hono";

const app = new Hono();
app.use(shedLoad({ bulkhead: new Bulkhead({ maxConcurrent: 50 }) }));
app.use(rateLimit({ limits: [{ name: "client", rate: 2, per: "1m" }] }));
app.get("/", (context) => context.text("hello"));

const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
if (!server.listening) await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}/`;
for (let request = 1; request <= 3; request++) {
  const response = await fetch(url);
  console.log(
    request,
    response.status,
    response.headers.get("ratelimit"),
    (await response.text()).slice(0, 80),
  );
}
server.closeAllConnections();
server.close();
