import http from "node:http";
import express from "express";
import { type Context, Hono } from "hono";
import { expectTypeOf, test } from "vitest";
import * as ofHono from "../../../src/hono/index.js";
import {
  limitRequest,
  type NodeRequest,
  rateLimit,
  type RateLimitOptions,
  shedLoad,
  type ShedLoadOptions,
} from "../../../src/http/index.js";
import { Bulkhead } from "../../../src/policies/bulkhead/bulkhead.js";

const limits = [{ rate: 1 }] as const;
const bulkhead = new Bulkhead();
const content = { contentType: "text/plain", body: "later" };

test("refusal gets the request that its middleware gets", () => {
  express().use(
    rateLimit({ limits, refusal: (request: express.Request) => ({ ...content, body: request.path }) }),
    shedLoad({ bulkhead, refusal: (request: express.Request) => void request.path }),
  );
  const shed = shedLoad({ bulkhead, refusal: async (request: http.IncomingMessage) => void request.url });
  http.createServer((request, response) => void shed(request, response));
  limitRequest({ limits, refusal: (request) => ({ ...content, body: request.url }) });
  new Hono().use(
    ofHono.rateLimit({ limits, refusal: (context: Context) => ({ ...content, body: context.req.path }) }),
    ofHono.shedLoad({ bulkhead, refusal: (context: Context) => void context.req.path }),
  );
  rateLimit({ limits, refusal: (request) => void expectTypeOf(request).toEqualTypeOf<NodeRequest>() });
  // @ts-expect-error a type without a body
  shedLoad({ bulkhead, refusal: () => ({ contentType: "text/plain" }) });
  // @ts-expect-error a text
  limitRequest({ limits, refusal: () => "later" });
});

test("options in a variable give middlewares that take requests", () => {
  const limited: RateLimitOptions = { limits };
  const shed: ShedLoadOptions = { bulkhead };
  express().use(rateLimit(limited), shedLoad(shed));
  expectTypeOf(rateLimit(limited)).parameter(0).toEqualTypeOf<NodeRequest>();
  expectTypeOf(shedLoad(shed)).parameter(0).toEqualTypeOf<NodeRequest>();
});

test("the fields of a request that may go on are what Response takes, also by the types of browsers", async () => {
  const { fields } = await limitRequest({ limits })(new Request("http://localhost/"));
  expectTypeOf(fields).toExtend<[string, string][]>();
  void new Response("hello", { headers: fields });
});
