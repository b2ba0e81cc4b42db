// The same with this package.
import { EventEmitter, once } from "node:events";
import http from "node:http";
import { GracefulShutdown, Health } from "@kstlib/resilience";

const gate = new EventEmitter();
function app(request, response) {
  if (request.url === "/slow") gate.once("open", () => response.end("done"));
  else response.end("done");
}

const shutdown = new GracefulShutdown({ timeout: 13, preStopDelay: 3 }); // until the load balancer has noticed
const health = new Health({ drainOn: shutdown.signal });
const probes = health.handler();

const server = http.createServer((request, response) => {
  probes(request, response, () => app(request, response));
});
shutdown.registerServer("http", server, { priority: 10 });
shutdown.register("database", async () => console.log("server closed, database closed"), { priority: 20 });
shutdown.on("complete", () => console.log("bye"));
shutdown.install();

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
