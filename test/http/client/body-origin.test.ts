import { Agent, request } from "undici";
import { expect, test } from "vitest";
import { resilienceInterceptor, resilientFetch } from "../../../src/http/index.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";
import { serve } from "./servers.js";

test("an error that ends the reading of a body tells the origin", async () => {
  await using server = await serve((_request, response) => {
    response.writeHead(200, { "content-length": "10" });
    response.write("half");
  });
  const expected = { code: "ERR_TIMEOUT_EXCEEDED", origin: server.url };
  const clock = new ManualClock();
  const api = resilientFetch({ totalTimeout: "5s", clock });
  const reading = reasonOf((await api(server.url)).text());
  await clock.advance("5s");
  expect(await reading).toMatchObject(expected);

  const agent = new Agent();
  const dispatcher = agent.compose(resilienceInterceptor({ totalTimeout: "5s", clock }));
  const { body } = await request(server.url, { dispatcher });
  const other = reasonOf(body.text());
  await clock.advance("5s");
  expect(await other).toMatchObject(expected);
  await agent.destroy();
});
