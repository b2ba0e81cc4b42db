// axios: the policies stand under its fetch adapter, so that instances, interceptors and AxiosError stay as they are.
import { createServer } from "node:http";
import { GracefulShutdown } from "@kstlib/resilience";
import { resilientFetch } from "@kstlib/resilience/http";
import axios from "axios";

const { PORT = 3000, SERVICE_URL, TIMEOUT = 2 } = process.env;
const protectedFetch = resilientFetch({
  name: "orders",
  totalTimeout: 5 * TIMEOUT, // in place of axios's own timeout
  retry: { attempts: 3, delay: "100ms" },
  circuitBreaker: { maxFailures: 5, resetTimeout: "2s" },
  timeout: Number(TIMEOUT), // of each attempt, in seconds
});
const orders = axios.create({
  baseURL: SERVICE_URL,
  allowAbsoluteUrls: false, // nobody asks another service through this one
  adapter: "fetch",
  env: { fetch: protectedFetch },
});

// A gateway: what it is asked, without a body, it asks the service.
const server = createServer((request, response) => {
  const left = new AbortController(); // nobody waits for the answer any more
  response.on("close", () => left.abort());
  const { method, url } = request;
  orders.request({ method, url, signal: left.signal }).then(
    ({ data }) => response.end(JSON.stringify(data)),
    (error) => {
      // 4xx of the service are the caller's; without a response nothing was answered, or nothing was asked.
      const status = error.response?.status ?? 503;
      response.writeHead(status).end(`${error.code}: ${error.message}`);
    },
  );
});
server.listen(PORT, () => console.log(`listening on ${server.address().port}`));
const shutdown = new GracefulShutdown({ timeout: "25s" });
shutdown.registerServer("http", server);
shutdown.install();
