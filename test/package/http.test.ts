import { describePacked } from "./packed.js";

describePacked("asks a server that limits it", {
  names: "{ rateLimit, resilientFetch }",
  entry: "http",
  body: `const http = process.getBuiltinModule("node:http");
const limited = rateLimit({ limits: [{ rate: 60, per: "1m", burst: 2 }] });
let count = 0;
const server = http.createServer(async (request, response) => {
  if (count++ === 0) request.socket.destroy();
  else if (await limited(request, response)) response.end("ok");
});
server.listen(0, "127.0.0.1", async () => {
  const api = resilientFetch({
    name: "shop",
    totalTimeout: "20s",
    retry: { attempts: 3, delay: 0 },
    circuitBreaker: { maxFailures: 5 },
    timeout: "5s",
  });
  const origin = "http://127.0.0.1:" + server.address().port;
  const responses = [await api(origin), await api(origin)];
  for (const response of responses) await response.text();
  const { circuit, parts } = api.stats()[origin];
  const left = responses.map(({ headers }) => headers.get("ratelimit").split(";")[1]);
  console.log([...responses.map(({ status }) => status), ...left, circuit, parts.retry.retries].join());
  server.closeAllConnections();
  server.close();
});
`,
  expected: "200,200,r=1,r=0,closed,1\n",
});
