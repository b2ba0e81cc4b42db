// Requests to a service that never answers, and a garbage collection while they wait: which timeouts still fire?
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Timeout } from "@kstlib/resilience";

setFlagsFromString("--expose-gc");
const server = createServer(() => {}).listen(0, "127.0.0.1"); // never answers
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}`;

const client = new AbortController(); // aborted when the client goes away
const timeout = new Timeout({ timeout: "300ms" });
let [native, ours] = [0, 0];
for (let call = 1; call <= 20; call++) {
  const composed = AbortSignal.any([client.signal, AbortSignal.timeout(300)]);
  fetch(url, { signal: composed }).catch(() => native++);
  timeout.execute(({ signal }) => fetch(url, { signal }), { signal: client.signal }).catch(() => ours++);
}
await sleep(100);
runInNewContext("gc")(); // what a process does by itself sooner or later
await sleep(900);

console.log(`AbortSignal.any with AbortSignal.timeout: ${native} of 20 timed out`);
console.log(`Timeout: ${ours} of 20 timed out`);
if (native === 20) console.log(`Node.js ${process.versions.node} does not show the fault`);
assert.equal(ours, 20);
server.closeAllConnections();
server.close();
