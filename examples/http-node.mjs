// Rate limits and load shedding of a plain node:http server. Runs by itself: it is its own client.
import http from "node:http";
import { once } from "node:events";
import { Bulkhead } from "@kstlib/resilience";
import { rateLimit, shedLoad } from "@kstlib/resilience/http";

const limit = rateLimit({
  limits: [
    { name: "burst", rate: 5, per: "10s" },
    { name: "hourly", rate: 100, per: "1h" },
  ],
});
const shed = shedLoad({ bulkhead: new Bulkhead({ maxConcurrent: 50 }) });

async function handle(request, response) {
  if (!(await limit(request, response)) || !(await shed(request, response))) return;
  response.end("hello\n");
}
const server = http.createServer((request, response) => void handle(request, response));
server.listen(0, "127.0.0.1");
await once(server, "listening");

const url = `http://127.0.0.1:${server.address().port}/`;
for (let request = 1; request <= 6; request++) {
  const response = await fetch(url);
  console.log(request, response.status, response.headers.get("ratelimit"), (await response.text()).trim());
}
server.closeAllConnections();
server.close();
