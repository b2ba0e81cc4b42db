import { whenEnded } from "../http/server/ended.js";
import type { NodeRequest, NodeResponse } from "../http/server/requests.js";
import type { Watch } from "../http/server/shedding.js";

/** What is needed of Hono's context. */
export interface HonoContext {
  readonly req: {
    readonly raw: { readonly method: string; readonly signal?: AbortSignal };
    header(name: string): string | undefined;
  };
  /** What the runtime gives besides the request: on Node, its request and response of `node:http`. */
  readonly env: unknown;
  res: Response;
  header(name: string, value: string | undefined): void;
}

/** A middleware of Hono. */
export type HonoMiddleware<Context extends HonoContext> = (
  context: Context,
  next: () => Promise<void>,
) => Promise<Response | undefined>;

/** What runtimes give, each its own. */
interface Environment {
  /** `@hono/node-server`. */
  readonly incoming?: NodeRequest;
  readonly outgoing?: NodeResponse;
  /** Deno. */
  readonly remoteAddr?: { readonly hostname?: string };
  /** Bun: its server, or an object with it. */
  readonly requestIP?: (request: unknown) => { readonly address: string } | null;
  readonly server?: Pick<Environment, "requestIP">;
}

const environmentOf = ({ env }: HonoContext): Environment => env ?? {};

/** The address of the connection, as Node, Deno and Bun tell it. */
export function addressOf(context: HonoContext): string | undefined {
  const { incoming, remoteAddr, requestIP, server } = environmentOf(context);
  if (incoming !== undefined) return incoming.socket?.remoteAddress;
  if (remoteAddr !== undefined) return remoteAddr.hostname;
  const bun = requestIP === undefined ? server : environmentOf(context);
  return bun?.requestIP?.(context.req.raw)?.address;
}

/** Request and response of `node:http`, on Node. */
export function onNode(
  context: HonoContext,
): { readonly incoming: NodeRequest; readonly outgoing: NodeResponse } | undefined {
  const { incoming, outgoing } = environmentOf(context);
  return incoming === undefined || outgoing === undefined ? undefined : { incoming, outgoing };
}

/** A body that tells when it has been read to its end, was cancelled, or has failed. */
function watched(
  body: ReadableStream<Uint8Array>,
  ended: (isServed: boolean) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) {
            controller.enqueue(value);
            return;
          }
          controller.close();
          ended(true);
        } catch (error) {
          controller.error(error);
          ended(false);
        }
      },
      cancel(reason) {
        ended(false);
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Tells when a response has ended, or its client has gone. */
export interface ResponseWatch {
  readonly watch: Watch;
  /** To be called when the handlers have made the response, or have failed. */
  made(): void;
}

/** Watches the response to a request: on Node that of `node:http`, elsewhere its body and the signal of the request. */
export function watchResponse(context: HonoContext): ResponseWatch {
  const node = onNode(context);
  if (node) return { watch: (ended) => whenEnded(node.incoming, node.outgoing, ended), made() {} };
  const { method, signal } = context.req.raw;
  const watching = new Set<(isServed: boolean) => void>();
  const gone = (): void => end(false);
  const end = (isServed: boolean): void => {
    signal?.removeEventListener("abort", gone);
    for (const ended of watching) ended(isServed);
    watching.clear();
  };
  signal?.addEventListener("abort", gone);
  return {
    watch(ended) {
      watching.add(ended);
      if (signal?.aborted === true) end(false);
    },
    made() {
      if (watching.size === 0) return;
      const { body } = context.res;
      // Of a response to HEAD nobody reads the body.
      if (body === null || method === "HEAD") end(true);
      else context.res = new Response(watched(body, end), context.res);
    },
  };
}
