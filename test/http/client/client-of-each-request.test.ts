import { afterEach, expect, test, vi } from "vitest";
import { resilientFetch } from "../../../src/http/index.js";

afterEach(() => {
  vi.restoreAllMocks();
});

async function warningsOf(name: string, clients: number, requests: number): Promise<readonly unknown[]> {
  const emit = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  for (let client = 0; client < clients; client++) {
    const api = resilientFetch({ name, circuitBreaker: true, fetch: async () => new Response("well") });
    for (let request = 0; request < requests; request++) await api("http://a.example");
  }
  return emit.mock.calls.map(([text]) => text).filter((text) => String(text).includes(`"${name}"`));
}

test("clients that are made for each request are warned of, once", async () => {
  const warnings = await warningsOf("each request", 450, 1);
  expect(warnings).toEqual([
    expect.stringMatching(/^200 clients "each request" of resilientFetch have sent .* Make it once/),
  ]);
});

test.each([
  ["few clients with many requests", 20, 30],
  ["clients that send nothing", 300, 0],
])("%s are not warned of", async (name, clients, requests) => {
  expect(await warningsOf(name, clients, requests)).toEqual([]);
});
