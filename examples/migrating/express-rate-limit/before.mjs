// express-rate-limit: a limit for each address, told by fields, and a route that is not limited.
import { once } from "node:events";
import express from "express";
import { rateLimit } from "express-rate-limit";

const app = express();
app.use(
  rateLimit({
    windowMs: 60_000,
    limit: 2,
    standardHeaders: "draft-8",
    legacyHeaders: false,
    identifier: "client",
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
