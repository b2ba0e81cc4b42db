import fc from "fast-check";
import { createClient } from "redis";
import { describe, expect, test } from "vitest";
import { alone } from "../../../src/circuit-breaker/decisions.js";
import { closed, type Limits, type State, type Ticket } from "../../../src/circuit-breaker/machine.js";
import { circuitLua } from "../../../src/redis/circuit-breaker/circuit-lua.js";
import { replyOf } from "../../../src/redis/circuit-breaker/told.js";
import { hasRedis, startServer } from "../servers/servers.js";

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 300);

type Verdict = "success" | "failure" | "ignored";
type Step =
  | { readonly do: "call"; readonly verdict: Verdict }
  | { readonly do: "admit" }
  | { readonly do: "settle"; readonly which: number; readonly verdict: Verdict }
  | { readonly do: "advance"; readonly by: number };

const verdict = fc.constantFrom<Verdict>("success", "failure", "ignored");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("call" as const), verdict }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("admit" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("settle" as const), which: fc.nat(9), verdict }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("advance" as const), by: fc.nat(12) }) },
);
const settings = fc.record({
  maxFailures: fc.integer({ min: 1, max: 3 }),
  calls: fc.integer({ min: 1, max: 4 }),
  rate: fc.constantFrom(0.01, 0.5, 1),
  initial: fc.integer({ min: 1, max: 10 }),
  factor: fc.integer({ min: 1, max: 3 }),
  probeTimeout: fc.integer({ min: 1, max: 10 }),
});

const ORIGIN = 1_000_000;
const MAX = 20;

describe.skipIf(!hasRedis)("the circuit in Redis", () => {
  test("gives the states of the circuit in memory on the same trace", async () => {
    const server = await startServer();
    const client = createClient({ url: server.url });
    client.on("error", () => {});
    await client.connect();
    const lua = circuitLua("local now = tonumber(table.remove(ARGV))");
    let trace = 0;
    let steps = 0;

    await fc.assert(
      fc.asyncProperty(settings, fc.array(step, { minLength: 30, maxLength: 80 }), async (given, todo) => {
        const { maxFailures, calls, rate, initial, factor, probeTimeout } = given;
        const limits: Limits = {
          maxFailures,
          halfOpenMaxCalls: calls,
          halfOpenFailures: Math.max(1, Math.ceil(calls * rate)),
          probeTimeout,
          trip: undefined,
          openFor: (reopenings) => Math.min(MAX, initial * factor ** reopenings),
        };
        const key = `trace-${++trace}`;
        const tickets: (Ticket | undefined)[] = [];
        let now = ORIGIN;
        let state: State = closed(0, limits);
        const expected: object[] = [];
        const replies: Promise<unknown>[] = [];
        const ask = (op: string, ...rest: (string | number)[]): void => {
          const times = [initial, factor, MAX].map((value, at) => (at === 1 ? value : value * 1000));
          const rules = [
            maxFailures,
            ...times,
            1,
            calls,
            limits.halfOpenFailures,
            probeTimeout * 1000,
            1e12,
            1,
          ];
          // An era later than any: what these traces ask about is always of the current one.
          const words = [op, 1e13 + 1000 * replies.length, ...rules, "me", ...rest, now * 1000].map(String);
          replies.push(client.eval(lua, { keys: [key], arguments: words }));
        };

        for (const one of todo) {
          if (one.do === "advance") now += one.by;
          for (let next = alone.elapse(state, limits, now); next !== state;) {
            state = next;
            next = alone.elapse(state, limits, now);
          }
          let result = 0;
          if (one.do === "call" && state.kind === "closed") {
            state = alone.settle(state, limits, state, one.verdict, now, 0);
            if (one.verdict === "ignored") ask("read");
            else ask("count", one.verdict === "success" ? 1 : 0, one.verdict === "failure" ? 1 : 0);
          } else if (one.do === "admit" && state.kind !== "closed") {
            const ticket = alone.admit(state, limits, now);
            ask("admit", tickets.length, 1);
            if (ticket !== undefined) {
              tickets.push(ticket);
              result = 1;
            }
          } else if (one.do === "settle" && tickets.length > 0) {
            const which = one.which % tickets.length;
            const ticket = tickets[which];
            // A permit settles once.
            tickets[which] = undefined;
            if (ticket !== undefined) state = alone.settle(state, limits, ticket, one.verdict, now, 0);
            if (ticket === undefined) ask("read");
            else ask("settle", one.verdict, `me.${which}`);
          } else {
            ask("read");
          }
          const isFull =
            state.kind === "half-open" &&
            state.probes.size + state.successes + state.failed + state.late >= calls;
          const wait = state.kind === "open" || isFull ? alone.remaining(state, now) : 0;
          const failures = state.kind === "isolated" ? 0 : state.failures;
          expected.push({ state: state.kind, failures, wait, result });
        }
        steps += todo.length;

        const got = (await Promise.all(replies)).map((reply) => {
          const told = replyOf(reply);
          return told && { state: told.state, failures: told.failures, wait: told.wait, result: told.result };
        });
        expect(got).toEqual(expected);
      }),
      { numRuns },
    );
    expect(steps).toBeGreaterThan(numRuns);
    client.destroy();
  });
});
