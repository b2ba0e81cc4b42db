// What a rate limit adds to the time of a request as a plugin of a Fastify app: see http-server.mjs. In a process of its own, as
// a server has one framework.
import { rateLimit as plugin } from "@kstlib/resilience/fastify";
import { beside, HOW, inTurn, LIMIT, PLENTY, time } from "../exchanges.mjs";
import { measure, peer, report } from "../measure.mjs";

const fastify = await peer("fastify", () => import("fastify"));
const fastifyRateLimit = await peer("@fastify/rate-limit", () => import("@fastify/rate-limit"));

async function inFastify(register) {
  const app = fastify.module.default();
  await register?.(app);
  app.get("/", async () => "hello");
  await app.ready();
  return inTurn((request, response, next) => {
    response.end = next;
    app.routing(request, response);
  });
}

const ofFastify =
  fastify.module &&
  fastifyRateLimit.module &&
  (await measure(
    {
      nothing: await inFastify(),
      ours: await inFastify((app) => app.register(plugin, { limits: [LIMIT] })),
      theirs: await inFastify((app) =>
        app.register(fastifyRateLimit.module.default, { max: PLENTY, timeWindow: 3_600_000 }),
      ),
    },
    HOW,
  ));

const rows = [
  beside(
    "fastify",
    "added / @fastify/rate-limit",
    ofFastify,
    "theirs",
    fastifyRateLimit.missing ?? fastify.missing,
  ),
];
if (ofFastify) rows.unshift(time("added-fastify", "time added to a request of Fastify", ofFastify));
report(rows);
