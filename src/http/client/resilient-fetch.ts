import { checkSignal } from "../../kernel/abort.js";
import { Context } from "../../kernel/context.js";
import { whileRead } from "./body.js";
import { HttpStatusError, withOrigin } from "./errors.js";
import { FetchCall } from "./fetch-call.js";
import type { HttpClient } from "./client.js";
import type { Host } from "./host.js";
import { asClient, Hosts } from "./hosts.js";
import { type Fetch, type ReadOptions, readOptions, type ResilientFetchOptions } from "./options.js";
import { Verdicts } from "./repeatable.js";
import { readRequest } from "./request.js";

/** `fetch` under policies. `Instead` is what a fallback may give in place of a response. */
export interface ResilientFetch<Instead = never> extends HttpClient {
  (...args: Parameters<Fetch>): Promise<Response | Instead>;
}

class Client {
  readonly #options: ReadOptions;
  readonly #verdicts = new Verdicts();
  readonly hosts: Hosts;
  readonly #mayRepeat: boolean;
  /** Whether the timeout of the whole call ends the reading of a body. */
  readonly #covers: boolean;
  readonly #hasFallback: boolean;

  constructor(options: ReadOptions) {
    const { settings, parts } = options;
    this.#options = options;
    this.hosts = new Hosts("resilientFetch", settings, parts, this.#verdicts);
    this.#mayRepeat = parts.retry !== undefined || parts.hedge !== undefined;
    this.#covers = parts.totalTimeout !== undefined;
    this.#hasFallback = parts.fallback !== undefined;
  }

  fetch(...[input, init]: Parameters<Fetch>): Promise<unknown> {
    const { fetch = globalThis.fetch } = this.#options;
    try {
      const request = readRequest(input, init, this.#mayRepeat);
      // Of what leads to no server, `fetch` knows what to say.
      if (request === undefined) return fetch(input, init);
      const { origin, signal } = request;
      const isReadUnder = this.#covers || signal !== undefined;
      const call = new FetchCall(request, this.#options.settings, fetch, this.#verdicts, isReadUnder);
      return this.#run(this.hosts.get(origin), call, this.#contextOf(signal, [input, init]), origin);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What `to` of a fallback gets are the arguments of the call. */
  #contextOf(signal: AbortSignal | undefined, args: Parameters<Fetch>): Context | undefined {
    if (signal !== undefined) checkSignal(signal, "signal");
    if (this.#hasFallback) return new Context(signal, 1, Infinity, undefined, args);
    return signal && new Context(signal);
  }

  #run(host: Host, call: FetchCall, context: Context | undefined, origin: string): Promise<unknown> {
    const source = context?.source;
    const policies = call.mayRepeat ? host.pipeline : host.plain;
    const ended = (result: unknown): void => {
      host.running--;
      call.end(result);
    };
    const given = (result: unknown): unknown => {
      ended(result);
      if (source !== undefined && !this.#covers) whileRead(result as Response, source);
      return result;
    };
    const failed = (reason: unknown): unknown => {
      if (reason instanceof HttpStatusError) return given(reason.response);
      ended(undefined);
      throw withOrigin(reason, origin);
    };
    host.running++;
    // Not by `await`, which costs more.
    return policies.execute(call.attempt, context).then(given, failed);
  }
}

/**
 * A `fetch` that fails less: each origin has its own policies, of the options of `resilient`. The options are checked at
 * once, the policies made at the first request.
 *
 * A 5xx, a lost connection and a timeout are failures; what is safe to send again is, by `retry`. 408, 425 and 429 say
 * nothing about the health of a server; as long as it asks to wait, all calls to it do. In the end the caller gets the last
 * response, as from `fetch`, or the last error. `totalTimeout` covers the reading of the body. Bodies of responses that the
 * caller does not get are cancelled.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range, or names an
 * instance that is not there.
 * @example
 * ```ts
 * import { resilientFetch } from "@kstlib/resilience/http";
 *
 * const answers = [new Response(null, { status: 503 }), new Response("well")];
 * const api = resilientFetch({
 *   totalTimeout: "10s",
 *   retry: { attempts: 3, delay: "10ms" },
 *   circuitBreaker: { maxFailures: 5 },
 *   timeout: "2s",
 *   fetch: async () => answers.shift() ?? new Response(null, { status: 500 }),
 * });
 * const response = await api("https://api.example.com/orders/1");
 * console.assert(response.status === 200 && (await response.text()) === "well");
 * console.assert(api.stats()["https://api.example.com"]?.circuit === "closed");
 * ```
 */
export function resilientFetch<Value = never>(options?: ResilientFetchOptions<Value>): ResilientFetch<Value>;
export function resilientFetch(options: ResilientFetchOptions = {}): unknown {
  const read = readOptions("resilientFetch", options);
  const client = new Client(read);
  const run = (...args: Parameters<Fetch>): Promise<unknown> => client.fetch(...args);
  return asClient(run, read.settings.name, client.hosts);
}
