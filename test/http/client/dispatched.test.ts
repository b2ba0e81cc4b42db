import { describe, expect, test } from "vitest";
import {
  type DispatchController,
  type DispatchHandler,
  type DispatchOptions,
  hasIdempotencyKey,
  isReplayable,
} from "../../../src/http/client/dispatching.js";
import { resilienceInterceptor, type ResilienceInterceptorOptions } from "../../../src/http/index.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";

const ORIGIN = "http://a.example";

/** The controller of undici of one attempt. */
class Controller implements DispatchController {
  aborted = false;
  paused = false;
  reason: unknown = null;
  rawHeaders: unknown;
  rawTrailers: unknown;

  abort(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

/** One attempt, as undici makes it. */
class Attempt {
  readonly controller = new Controller();
  readonly options: DispatchOptions;
  readonly #handler: Required<DispatchHandler>;

  constructor(options: DispatchOptions, handler: DispatchHandler) {
    this.options = options;
    this.#handler = handler as Required<DispatchHandler>;
  }

  start(context: object = {}): this {
    this.#handler.onRequestStart(this.controller, context);
    return this;
  }

  respond(status: number, headers: Record<string, string | string[]> = {}, message = ""): this {
    this.#handler.onResponseStart(this.controller, status, headers, message);
    return this;
  }

  data(chunk: unknown): this {
    this.#handler.onResponseData(this.controller, chunk);
    return this;
  }

  end(trailers: Record<string, string> = {}): this {
    this.#handler.onResponseEnd(this.controller, trailers);
    return this;
  }

  fail(error: unknown): this {
    this.#handler.onResponseError(this.controller, error);
    return this;
  }

  upgrade(status: number, headers: Record<string, string>, socket: unknown): this {
    this.#handler.onRequestUpgrade(this.controller, status, headers, socket);
    return this;
  }
}

/** What a caller hears of its request, in order. */
class Caller implements DispatchHandler {
  readonly heard: unknown[][] = [];
  controller: DispatchController | undefined;
  context: unknown;
  starts = 0;
  /** Called with what is heard. */
  hear: (name: string) => void = () => {};

  onRequestStart(controller: DispatchController, context: unknown): void {
    this.controller = controller;
    this.context = context;
    this.starts++;
  }

  onResponseStart(...[controller, ...others]: unknown[]): void {
    this.#tell("start", controller, others);
  }

  onResponseData(...[controller, ...others]: unknown[]): void {
    this.#tell("data", controller, others);
  }

  onResponseEnd(...[controller, ...others]: unknown[]): void {
    this.#tell("end", controller, others);
  }

  onResponseError(...[controller, ...others]: unknown[]): void {
    this.#tell("error", controller, others);
  }

  onRequestUpgrade(...[controller, ...others]: unknown[]): void {
    this.#tell("upgrade", controller, others);
  }

  #tell(name: string, controller: unknown, others: readonly unknown[]): void {
    this.heard.push(controller === this.controller ? [name, ...others] : ["of another controller"]);
    this.hear(name);
  }
}

/** A request by an interceptor, whose attempts the test makes. */
function requested(options: ResilienceInterceptorOptions = {}, given: object = {}) {
  const clock = new ManualClock();
  const attempts: Attempt[] = [];
  const interceptor = resilienceInterceptor({ clock, ...options });
  const dispatch = interceptor((sent: DispatchOptions, handler: DispatchHandler) => {
    attempts.push(new Attempt(sent, handler));
    return true;
  });
  const caller = new Caller();
  const isTaken = dispatch({ origin: ORIGIN, method: "GET", ...given }, caller);
  const attempt = async (index: number): Promise<Attempt> => {
    await clock.advance(0);
    const made = attempts[index];
    if (made === undefined) throw new Error(`there is no attempt ${index}`);
    return made;
  };
  const stats = () => interceptor.stats()[ORIGIN];
  return { attempts, attempt, caller, clock, dispatch, isTaken, stats };
}

const executeAsIs = (fn: (context: unknown) => unknown, context: unknown): Promise<unknown> =>
  Promise.resolve(fn(context));

const retry = { attempts: 2, delay: 0 } as const;
const lost = Object.assign(new Error("lost"), { code: "UND_ERR_SOCKET" });

describe("a response", () => {
  test("that comes at once reaches the caller whole and in order", async () => {
    const { attempt, caller, clock, stats } = requested({ timeout: "5s", totalTimeout: "9s" });
    const first = (await attempt(0)).start().respond(200, { "x-a": "1" }, "OK");
    expect(first.controller.paused).toBe(true);
    first.data("a").data("b").end({ "x-b": "2" });
    expect(caller.heard).toEqual([]);
    await clock.advance(0);
    const headers = { "x-a": "1" };
    expect(caller.heard).toEqual([
      ["start", 200, headers, "OK"],
      ["data", "a"],
      ["data", "b"],
      ["end", { "x-b": "2" }],
    ]);
    expect(stats()).toMatchObject({ running: 0, parts: { totalTimeout: { settledCalls: 1 } } });
    expect(clock.pendingTimers).toBe(0);
  });

  test("that comes little by little does so as well, after its status", async () => {
    const { attempt, caller, clock, stats } = requested({ totalTimeout: "9s" });
    const first = (await attempt(0)).start().respond(404);
    await clock.advance(0);
    expect(first.controller.paused).toBe(false);
    expect(caller.heard).toEqual([["start", 404, {}, ""]]);
    first.data("a");
    expect(caller.heard.at(-1)).toEqual(["data", "a"]);
    expect(stats()).toMatchObject({ running: 0, parts: { totalTimeout: { settledCalls: 0 } } });
    first.end();
    expect(caller.heard.at(-1)).toEqual(["end", {}]);
    expect(stats()).toMatchObject({ parts: { totalTimeout: { settledCalls: 1 } } });
  });

  test("that breaks off before the caller has it breaks off for the caller, too", async () => {
    const { attempts, attempt, caller, clock } = requested({ retry });
    (await attempt(0)).start().respond(200).data("a").fail(lost);
    await clock.advance(0);
    expect(caller.heard).toEqual([
      ["start", 200, {}, ""],
      ["data", "a"],
      ["error", lost],
    ]);
    expect(attempts).toHaveLength(1);
  });

  test("that breaks off later does as well", async () => {
    const { attempt, caller, clock, stats } = requested({ totalTimeout: "9s" });
    const first = (await attempt(0)).start().respond(200);
    await clock.advance(0);
    first.fail(lost);
    expect(caller.heard.at(-1)).toEqual(["error", lost]);
    expect(stats()).toMatchObject({ parts: { totalTimeout: { settledCalls: 1 } } });
  });

  test("that only informs is told of, and another follows", async () => {
    const { attempt, caller, clock } = requested({ retry });
    const first = (await attempt(0)).start().respond(103, { link: "</a>" }, "Early Hints");
    expect(first.controller.paused).toBe(false);
    expect(caller.heard).toEqual([["start", 103, { link: "</a>" }, "Early Hints"]]);
    first.respond(200);
    await clock.advance(0);
    expect(caller.heard.slice(1)).toEqual([["start", 200, {}, ""]]);
  });

  test("that is not the last one is not heard, nor what comes of it later", async () => {
    const { attempt, caller, clock } = requested({ retry });
    const first = (await attempt(0)).start().respond(503).data("no");
    const second = (await attempt(1)).start();
    expect(first.controller.aborted).toBe(true);
    expect(String(first.controller.reason)).toContain("another attempt is made");
    first.data("no").fail(first.controller.reason);
    second.respond(200).data("yes").end();
    await clock.advance(0);
    expect(caller.heard.map(([name, what]) => [name, what])).toEqual([
      ["start", 200],
      ["data", "yes"],
      ["end", {}],
    ]);
    expect(caller.starts).toBe(1);
  });

  test("that is not the last one and has ended already is not aborted", async () => {
    const { attempt } = requested({ retry });
    const first = (await attempt(0)).start().respond(503).end();
    (await attempt(1)).start();
    expect(first.controller.aborted).toBe(false);
  });

  test("with a field in several lines is obeyed like one with it in one", async () => {
    const { attempt, stats, clock } = requested();
    (await attempt(0)).start().respond(200, { ratelimit: ['"a";r=0;t=20', '"b";r=0;t=30'] });
    await clock.advance(0);
    expect(stats()?.wait).toBe(30);
  });

  test("that makes the caller throw is aborted with what it has thrown", async () => {
    const { attempt, caller, clock } = requested();
    const mine = new Error("mine");
    caller.hear = () => {
      throw mine;
    };
    const first = (await attempt(0)).start().respond(200);
    await clock.advance(0);
    expect([first.controller.aborted, first.controller.reason]).toEqual([true, mine]);
  });

  test("may be of nobody's interest", async () => {
    const { attempts, clock, dispatch } = requested();
    dispatch({ origin: "http://b.example", method: "GET" }, {});
    await clock.advance(0);
    const other = attempts[1]?.start().respond(103).respond(200).data("a");
    await clock.advance(0);
    other?.data("b").end();
    dispatch({ origin: "http://b.example", method: "GET" }, {});
    await clock.advance(0);
    attempts[2]?.start().fail(lost);
    await clock.advance(0);
    expect(attempts).toHaveLength(3);
  });
});

describe("the controller of a caller", () => {
  test("pauses and resumes the response that it gets, also while that begins", async () => {
    const { attempt, caller, clock } = requested();
    caller.hear = (name) => name === "start" && caller.controller?.pause();
    const first = (await attempt(0)).start().respond(200);
    await clock.advance(0);
    expect([caller.controller?.paused, first.controller.paused]).toEqual([true, true]);
    caller.controller?.resume();
    expect([caller.controller?.paused, first.controller.paused]).toEqual([false, false]);
    caller.controller?.pause();
    expect([caller.controller?.paused, first.controller.paused]).toEqual([true, true]);
  });

  test("pauses a response before that is there, whichever attempt it is of", async () => {
    const { attempt, caller, clock } = requested({ retry });
    const first = (await attempt(0)).start();
    caller.controller?.pause();
    expect(first.controller.paused).toBe(true);
    first.respond(503);
    const second = (await attempt(1)).start().respond(200);
    await clock.advance(0);
    expect(caller.heard).toEqual([["start", 200, {}, ""]]);
    expect([caller.controller?.paused, second.controller.paused]).toEqual([true, true]);
    caller.controller?.resume();
    expect(second.controller.paused).toBe(false);
  });

  test("tells the raw fields of the response that it gets", async () => {
    const { attempt, caller, clock } = requested({ retry });
    expect([caller.controller?.rawHeaders, caller.controller?.rawTrailers]).toEqual([undefined, undefined]);
    (await attempt(0)).start().respond(503).controller.rawHeaders = ["no"];
    const second = (await attempt(1)).start();
    second.controller.rawHeaders = ["yes"];
    second.respond(200);
    await clock.advance(0);
    second.controller.rawTrailers = ["too"];
    expect([caller.controller?.rawHeaders, caller.controller?.rawTrailers]).toEqual([["yes"], ["too"]]);
  });

  test("aborts a request that waits for its turn, of which nothing is sent", async () => {
    const { attempts, caller, clock, dispatch } = requested({ bulkhead: { maxConcurrent: 1 } });
    const second = new Caller();
    dispatch({ origin: ORIGIN, method: "GET" }, second);
    await clock.advance(0);
    expect(second.controller).toMatchObject({ aborted: false, reason: null, paused: false });
    const mine = new Error("mine");
    second.controller?.abort(mine);
    expect(second.controller).toMatchObject({ aborted: true, reason: mine });
    await clock.advance(0);
    expect(second.heard).toEqual([["error", mine]]);
    expect([attempts.length, caller.heard.length]).toEqual([1, 0]);
  });

  test.each([{}, { retry, timeout: "5s" }, { totalTimeout: "9s" }] as const)(
    "aborts an attempt under way, and no other is made: %j",
    async (options) => {
      const { attempts, attempt, caller, clock, stats } = requested(options);
      const first = (await attempt(0)).start();
      const mine = new Error("mine");
      caller.controller?.abort(mine);
      expect([first.controller.aborted, first.controller.reason]).toEqual([true, mine]);
      first.fail(mine);
      await clock.advance(0);
      expect(caller.heard).toEqual([["error", mine]]);
      expect([attempts.length, stats()?.running, clock.pendingTimers]).toEqual([1, 0, 0]);
    },
  );

  test("aborts an attempt that has not begun as soon as it begins", async () => {
    const { attempt, caller, clock } = requested();
    const first = await attempt(0);
    const mine = new Error("mine");
    caller.controller?.abort(mine);
    await clock.advance(0);
    expect(first.controller.aborted).toBe(false);
    first.start({ history: ["no"] });
    expect([first.controller.aborted, first.controller.reason]).toEqual([true, mine]);
    expect(caller.context).toEqual({});
  });

  test.each([
    ["that it gets", {}],
    ["whose timeout is a policy of another kind", { totalTimeout: { execute: executeAsIs } as never }],
  ])("aborts a response %s", async (_, options) => {
    const { attempt, caller, clock } = requested(options);
    const first = (await attempt(0)).start().respond(200);
    await clock.advance(0);
    const mine = new Error("mine");
    caller.controller?.abort(mine);
    expect([first.controller.aborted, first.controller.reason]).toEqual([true, mine]);
    first.fail(mine);
    expect(caller.heard.at(-1)).toEqual(["error", mine]);
  });
});

describe("an attempt", () => {
  test("that is lost is followed by another, and the last error is the caller's, with the origin", async () => {
    const { attempts, attempt, caller, clock, stats } = requested({ retry });
    (await attempt(0)).start().fail(new Error("never mind", { cause: lost }));
    (await attempt(1)).start().fail(lost);
    await clock.advance(0);
    expect(caller.heard).toEqual([["error", lost]]);
    expect(attempts).toHaveLength(2);
    expect(stats()).toMatchObject({ running: 0, parts: { retry: { exhaustedCalls: 1 } } });
  });

  test("that begins too late for its timeout is aborted by that, and what comes of it is not heard", async () => {
    const { attempt, caller, clock } = requested({ retry, timeout: "2s" });
    const first = (await attempt(0)).start();
    await clock.advance("2s");
    expect(first.controller.reason).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
    const second = (await attempt(1)).start();
    first.respond(200).data("late");
    await clock.advance(0);
    expect(caller.heard).toEqual([]);
    second.respond(201);
    await clock.advance(0);
    expect(caller.heard).toEqual([["start", 201, {}, ""]]);
  });

  test("of a request that must not be sent twice is not followed by another after its timeout", async () => {
    const { attempts, attempt, caller, clock } = requested({ retry, timeout: "2s" }, { method: "POST" });
    (await attempt(0)).start();
    await clock.advance("2s");
    expect(attempts).toHaveLength(1);
    expect(caller.heard).toMatchObject([["error", { code: "ERR_TIMEOUT_EXCEEDED", origin: ORIGIN }]]);
  });

  test.each([
    ["POST", lost, 1],
    ["GET", lost, 2],
    ["GET", new TypeError("invalid header"), 1],
  ] as const)(
    "that undici refuses to make is an error of the caller's: %s, %s",
    async (method, mine, made) => {
      const interceptor = resilienceInterceptor({ retry });
      let count = 0;
      const dispatch = interceptor((_options: DispatchOptions, _handler: DispatchHandler): boolean => {
        count++;
        throw mine;
      });
      const error = await new Promise((resolve) => {
        dispatch({ origin: ORIGIN, method }, { onResponseError: (_, reason) => resolve(reason) });
      });
      expect([error, count, interceptor.stats()[ORIGIN]?.running]).toEqual([mine, made, 0]);
    },
  );

  test("of a request that must not be sent twice has no other beside it", async () => {
    const { attempts, attempt, clock } = requested({ hedge: { delay: "1s" } }, { method: "POST" });
    (await attempt(0)).start();
    await clock.advance("1m");
    expect(attempts).toHaveLength(1);
  });

  test("whose response is not the one that the caller gets is aborted", async () => {
    const { attempt, caller, clock } = requested({ hedge: { delay: "1s" } });
    const first = (await attempt(0)).start();
    await clock.advance("1s");
    const second = (await attempt(1)).start();
    first.respond(503);
    await clock.advance(0);
    expect(caller.heard).toEqual([]);
    second.respond(200);
    await clock.advance(0);
    expect(caller.heard).toEqual([["start", 200, {}, ""]]);
    expect([first.controller.aborted, second.controller.aborted]).toEqual([true, false]);
  });

  test("whose response nobody gets, as the call ends with an error, is aborted", async () => {
    const { attempt, caller, clock } = requested({ hedge: { delay: "1s" }, totalTimeout: "5s" });
    const first = (await attempt(0)).start();
    await clock.advance("1s");
    const second = (await attempt(1)).start();
    first.respond(503);
    await clock.advance("4s");
    expect(caller.heard).toMatchObject([["error", { code: "ERR_TIMEOUT_EXCEEDED" }]]);
    expect([first.controller.aborted, second.controller.aborted]).toEqual([true, true]);
  });

  test("that answers before a later one is the one that the caller pauses, and the later one is aborted", async () => {
    const { attempt, caller, clock } = requested({ hedge: { delay: "1s" } });
    const first = (await attempt(0)).start();
    await clock.advance("1s");
    const second = (await attempt(1)).start();
    first.respond(200);
    await clock.advance(0);
    expect([first.controller.aborted, second.controller.aborted]).toEqual([false, true]);
    caller.controller?.pause();
    expect([first.controller.paused, second.controller.paused]).toEqual([true, false]);
    second.fail(second.controller.reason);
    first.data("a").end();
    expect(caller.heard.map(([name]) => name)).toEqual(["start", "data", "end"]);
  });

  test("that is upgraded ends the call", async () => {
    const { attempt, caller, clock, stats } = requested({ retry, timeout: "5s", totalTimeout: "9s" });
    const socket = {};
    (await attempt(0)).start().upgrade(101, { upgrade: "echo" }, socket);
    expect(caller.heard).toEqual([["upgrade", 101, { upgrade: "echo" }, socket]]);
    await clock.advance(0);
    expect(caller.heard).toHaveLength(1);
    expect(stats()).toMatchObject({ running: 0, parts: { totalTimeout: { settledCalls: 1 } } });
    expect(clock.pendingTimers).toBe(0);
  });

  test("tells the caller of its context when it begins", async () => {
    const { attempt, caller } = requested({ retry });
    (await attempt(0)).start({ history: [1], a: 1 }).respond(503);
    (await attempt(1)).start({ history: [2] });
    expect(caller.context).toEqual({ history: [2], a: 1 });
  });
});

describe("the interceptor", () => {
  test("leaves alone what does not lead to a server of HTTP", () => {
    const { dispatch, attempts, stats } = requested({}, { origin: "ftp://a.example" });
    expect(attempts).toHaveLength(1);
    expect(stats()).toBeUndefined();
    const refused = resilienceInterceptor()((_options: DispatchOptions, _handler: DispatchHandler) => false);
    expect(refused({ origin: "ftp://a.example", method: "GET" }, {})).toBe(false);
    expect(dispatch({ origin: new URL(ORIGIN), method: "GET" }, {})).toBe(true);
    expect(stats()).toBeDefined();
  });

  test.each([
    ["GET", 2],
    ["get", 2],
    ["post", 1],
  ])("sends %s after a fault: %i times", async (method, count) => {
    const { attempts, attempt, clock, isTaken } = requested({ retry }, { method });
    expect(isTaken).toBe(true);
    (await attempt(0)).start().fail(lost);
    await clock.advance(0);
    expect(attempts).toHaveLength(count);
  });
});

test.each<[unknown, boolean]>([
  [undefined, false],
  [null, false],
  [{}, false],
  [{ "Idempotency-Key": "a" }, true],
  [{ name: "idempotency-key" }, false],
  [["idempotency-key", "a"], true],
  [["a", "1", "IDEMPOTENCY-KEY", "a"], true],
  [["name", "idempotency-key"], false],
  [[Buffer.from("Idempotency-Key"), "a"], true],
  [[], false],
  [[["Idempotency-Key", "a"]], true],
  [[["name", "idempotency-key"]], false],
  [new Map([["Idempotency-Key", "a"]]), true],
  [new Map([["name", "idempotency-key"]]), false],
  [new Headers({ "Idempotency-Key": "a" }), true],
  [new Headers({ name: "idempotency-key" }), false],
])("headers %# have an idempotency key: %o, %s", (headers, has) => {
  expect(hasIdempotencyKey(headers as never)).toBe(has);
});

test.each<[string, unknown, boolean]>([
  ["nothing", undefined, true],
  ["null", null, true],
  ["a text", "a", true],
  ["an empty text", "", true],
  ["a Buffer", Buffer.from("a"), true],
  ["bytes", new Uint8Array(1), true],
  ["a view", new DataView(new ArrayBuffer(1)), true],
  ["an ArrayBuffer", new ArrayBuffer(1), true],
  ["a Blob", new Blob(["a"]), true],
  ["a File", new File(["a"], "a"), true],
  ["a form", new FormData(), true],
  ["a stream of the web", new Blob(["a"]).stream(), false],
  ["a list of chunks", ["a"], false],
  ["an object", {}, false],
])("a body that is %s can be sent again: %o, %s", (_, body, can) => {
  expect(isReplayable(body)).toBe(can);
});
