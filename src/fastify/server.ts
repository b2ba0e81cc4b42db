import type { Refusal } from "../http/server/verdict.js";
import { fieldsOf, isLong, isOfAnotherBody, refuse } from "../http/server/refuse.js";
import type { NodeRequest, NodeResponse } from "../http/server/requests.js";
import type { Clock } from "../kernel/clock.js";

/** What callbacks know of Fastify's request, before its body is read. A parameter may be declared as `FastifyRequest`. */
export interface FastifyLimitedRequest {
  readonly raw: NodeRequest;
  readonly id: string;
  /** As Fastify knows it: by its own option `trustProxy`. */
  readonly ip: string;
  readonly method: string;
  readonly url: string;
  readonly originalUrl: string;
  readonly hostname: string;
  readonly protocol: string;
  readonly headers: NodeRequest["headers"];
  readonly params: unknown;
  readonly query: unknown;
  readonly log: unknown;
  /** Of its route. */
  readonly routeOptions: {
    readonly method: string | string[];
    /** `undefined`: there is no route. */
    readonly url: string | undefined;
    readonly config?: unknown;
  };
}

/** What callbacks know of Fastify's reply. A parameter may be declared as `FastifyReply`. */
export interface FastifyLimitedReply {
  readonly raw: NodeResponse;
  readonly statusCode: number;
  /** In milliseconds. */
  readonly elapsedTime: number;
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  removeHeader(name: string): unknown;
  getHeader(name: string): number | string | string[] | undefined;
  getHeaders(): Readonly<Record<string, number | string | string[] | undefined>>;
  send(body: string): unknown;
  hijack(): unknown;
}

/** Passes a request on, or an error to the handler of errors. */
export type Done = (error?: Error) => void;

/** A hook before a request's body is read. */
export type OnRequest = (request: FastifyLimitedRequest, reply: FastifyLimitedReply, done: Done) => void;

/** What is needed of a Fastify server. */
export interface FastifyLimitedServer {
  addHook(name: "onRequest", hook: OnRequest): unknown;
  addHook(name: "onRoute", hook: (route: { readonly config?: unknown }) => void): unknown;
  printRoutes(): string;
}

/** Whether a server has routes already; not in doubt. */
export const hasRoutes = (server: FastifyLimitedServer): boolean => server.printRoutes() !== "(empty tree)";

/** Options that `register` has for every plugin. */
interface RegisterOptions {
  readonly prefix?: string | undefined;
  readonly logLevel?: unknown;
  readonly logSerializers?: unknown;
}

/** The options of a plugin, without those that are Fastify's. */
export function ownOf<Options extends object>(
  options: Options & RegisterOptions,
): Omit<Options, keyof RegisterOptions> {
  const { prefix: _prefix, logLevel: _level, logSerializers: _serializers, ...own } = options;
  return own;
}

/** A plugin that is registered without a scope of its own, as `fastify-plugin` makes them. */
export function withoutScope<Plugin extends object>(plugin: Plugin): Plugin {
  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "@kstlib/resilience/fastify",
  });
}

/** Answers a request in place of its route, without reading a long body that still comes. */
export function refuseReply(
  request: FastifyLimitedRequest,
  reply: FastifyLimitedReply,
  refusal: Refusal,
  clock: Pick<Clock, "setTimer">,
): void {
  if (isLong(request.raw)) {
    reply.hijack();
    // What other plugins have set, such as for requests from other origins.
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    refuse(request.raw, reply.raw, refusal, clock);
    return;
  }
  for (const name of Object.keys(reply.getHeaders())) {
    if (!isOfAnotherBody(name)) continue;
    reply.removeHeader(name);
    // Set by a middleware of `node:http`.
    reply.raw.removeHeader(name);
  }
  for (const [name, value] of fieldsOf(refusal)) reply.header(name, value);
  reply.code(refusal.status);
  reply.send(refusal.body);
}
