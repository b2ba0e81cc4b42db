import { Agent, request } from "undici";
import { expect, test } from "vitest";
import { resilienceInterceptor, resilientFetch } from "../../../src/http/index.js";
import { serve } from "./servers.js";

test("an error that ends the reading of a body tells the origin", async () => {
  await using server = await serve((_request, response) => {
    response.writeHead(200, { "content-length": "10" });
    response.write("half");
  });
  const expected = { code: "ERR_TIMEOUT_EXCEEDED", origin: server.url };
  const api = resilientFetch({ totalTimeout: "50ms" });
  const response = await api(server.url);
  await expect(response.text()).rejects.toMatchObject(expected);

  const agent = new Agent();
  const dispatcher = agent.compose(resilienceInterceptor({ totalTimeout: "50ms" }));
  const { body } = await request(server.url, { dispatcher });
  await expect(body.text()).rejects.toMatchObject(expected);
  await agent.destroy();
});
