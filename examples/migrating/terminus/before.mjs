// terminus: an HTTP server that is not ready from SIGTERM on, answers what it has, and cleans up.
import { EventEmitter, once } from "node:events";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createTerminus } from "@godaddy/terminus";

const gate = new EventEmitter();
function app(request, response) {
  if (request.url === "/slow") gate.once("open", () => response.end("done"));
  else response.end("done");
}
const server = http.createServer(app);

createTerminus(server, {
  healthChecks: { "/readyz": async () => {} },
  timeout: 10_000,
  beforeShutdown: () => sleep(3000), // until the load balancer has noticed
  onSignal: async () => console.log("server closed, database closed"),
  onShutdown: async () => console.log("bye"),
});

server.listen(0, "127.0.0.1");
await once(server, "listening");
const get = (path) => fetch(`http://127.0.0.1:${server.address().port}${path}`);
console.log("ready:", (await get("/readyz")).status);

const slow = get("/slow").then((response) => response.text());
await once(server, "request");
process.kill(process.pid, "SIGTERM");
await once(process, "SIGTERM");
console.log("draining:", (await get("/readyz")).status);
gate.emit("open");
console.log("slow request:", await slow);
