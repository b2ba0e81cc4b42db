// The same with this package.
import { once } from "node:events";
import { rateLimit } from "@kstlib/resilience/http";
import express from "express";

const app = express();
app.use(
  rateLimit({
    limits: [{ name: "client", rate: 2, per: "60s" }],
    skip: (request) => request.path === "/health",
  }),
);
app.use((_request, response) => response.send("hello"));

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
for (const path of ["/", "/", "/", "/health"]) {
  const { status, headers } = await fetch(`http://127.0.0.1:${port}${path}`);
  const policy = /^"client";\s?q=2;\s?w=60/.test(headers.get("ratelimit-policy"));
  const left = /r=(\d+)/.exec(headers.get("ratelimit"))?.[1];
  console.log(path, status, `policy: ${policy}, left: ${left}, wait: ${headers.has("retry-after")}`);
}
server.closeAllConnections();
server.close();
