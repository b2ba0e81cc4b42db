// Rate limits in Express 4 or 5: by user where there is one, by cost, settled by what was really used.
import { once } from "node:events";
import { rateLimit } from "@kstlib/resilience/http";
import express from "express";

const app = express();
// One proxy stands in front and writes X-Forwarded-For; without it, leave trustProxy out.
app.use(rateLimit({ limits: [{ name: "client", rate: 100, per: "1m", burst: 20 }], trustProxy: 1 }));
// An answer takes up to 500 tokens of 1,000; what it did not take is given back.
app.use(
  "/answer",
  rateLimit({
    limits: [{ name: "tokens", rate: 1000, per: "1h" }],
    key: (request) => request.headers["x-user"] ?? "nobody",
    cost: () => 500,
    settle: (_request, response) => response.locals.used ?? 500,
  }),
);
app.get("/answer", (_request, response) => {
  response.locals.used = 300;
  response.send("an answer");
});

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}/answer`;
for (let request = 1; request <= 4; request++) {
  const response = await fetch(url, { headers: { "x-user": "u7", "x-forwarded-for": "198.51.100.7" } });
  console.log(
    request,
    response.status,
    response.headers.get("retry-after"),
    (await response.text()).slice(0, 80),
  );
}
server.closeAllConnections();
server.close();
