// `undici.mjs <package>`: asks a server of its own through the interceptor: one that fails once, one that asks for a pause.
import { createServer } from "node:http";
import { resilienceInterceptor } from "@kstlib/resilience/http";
import { say, sayWarnings } from "./say.mjs";

sayWarnings();
const { Agent, Pool, request } = await import(process.argv[2]);

let asked = 0;
const server = createServer((incoming, response) => {
  asked++;
  if (incoming.url === "/fails-once" && asked === 1) response.writeHead(503).end("not yet");
  else if (incoming.url === "/missing") response.writeHead(404).end("nothing");
  else response.end(`${incoming.method} ${asked}`);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const resilience = resilienceInterceptor({
  retry: { attempts: 3, delay: "10ms" },
  circuitBreaker: { maxFailures: 5 },
  totalTimeout: "10s",
  timeout: "5s",
});
const dispatcher = new Agent().compose(resilience);
const first = await request(`${origin}/fails-once`, { dispatcher });
const text = await first.body.text();
const missing = await request(`${origin}/missing`, { dispatcher });
await missing.body.dump();
const pool = new Pool(origin).compose(resilience);
const pooled = await pool.request({ path: "/pooled", method: "GET" });
const answers = [first.statusCode, text, missing.statusCode, await pooled.body.text()];
say("over", {
  answers,
  asked,
  origins: Object.keys(resilience.stats()).map((name) => name.replace(origin, "origin")),
});
await Promise.all([dispatcher.close(), pool.close()]);
server.close();
