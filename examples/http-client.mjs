// A shop that asks two services: one that fails now and then, one that allows 5 requests a second and says so.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { resilientFetch } from "@kstlib/resilience/http";

async function serve(handler) {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

let asked = 0;
const stock = await serve((_request, response) => {
  response.writeHead(++asked % 3 === 1 ? 503 : 200).end("12 left");
});

let [tokens, last, refused] = [5, performance.now(), 0];
const prices = await serve((_request, response) => {
  const now = performance.now();
  tokens = Math.min(5, tokens + ((now - last) / 1000) * 5);
  last = now;
  const isServed = tokens >= 1;
  if (isServed) tokens--;
  else refused++;
  response
    .writeHead(isServed ? 200 : 429, {
      RateLimit: `"price";r=${Math.floor(tokens)};t=${Math.ceil((5 - tokens) / 5)}`,
      "RateLimit-Policy": '"price";q=5;w=1',
    })
    .end("9.90");
});

const api = resilientFetch({
  name: "shop",
  totalTimeout: "10s", // reading the body included
  retry: { attempts: 3, delay: "20ms" },
  circuitBreaker: { maxFailures: 5 },
  timeout: "2s", // of each attempt, until there are headers
});

const text = async (url, init) => (await api(url, init)).text();
console.log(await text(stock.url), "after", asked, "requests");

const began = performance.now();
const all = await Promise.all(Array.from({ length: 15 }, () => text(prices.url)));
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(`${all.length} prices in ${seconds} s, ${refused} requests refused`);
assert.equal(refused, 0);

// What is not safe to send twice is sent once, and the caller gets the response as it is.
asked = 0;
const order = await api(stock.url, { method: "POST", body: "1 shirt" });
console.log("the order:", order.status, "after", asked, "request");
await order.text();

for (const [origin, { circuit, parts }] of Object.entries(api.stats()))
  console.log(origin === stock.url ? "stock" : "prices", circuit, parts.retry.retries, "retries");

for (const { server } of [stock, prices]) {
  server.closeAllConnections();
  server.close();
}
