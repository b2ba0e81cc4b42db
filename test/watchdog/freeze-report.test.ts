import { describe, expect, test } from "vitest";
import { freezeReport, timeoutSentence } from "../../src/watchdog/freeze-report.js";
import { leadsToCode } from "../../src/watchdog/stack.js";

describe("a stack that was taken at the end of a freeze", () => {
  test.each([
    ["    at execSync (node:child_process:961:13)\n    at f (file:///app/a.js:1:1)", true],
    ["    at file:///app/a.js:1:1", true],
    ["    at f (C:\\app\\a.js:1:1)", true],
    ["    at listOnTimeout (node:internal/timers:597:15)\n    at node:internal/timers:1:2", false],
    ["    at Array.forEach (<anonymous>)\n    at process.processTimers (node:internal/timers:519:7)", false],
    ["", false],
  ])("leads to code of the program or not: %j", (stack, leads) => {
    expect(leadsToCode(stack)).toBe(leads);
  });
});

describe("the report of a freeze", () => {
  test("says who, how long, why, where, and what the kernel knows", () => {
    const report = freezeReport([
      {
        name: "feed",
        secondsInactive: 30.04,
        kind: "blocked-native",
        stack: "    at f (a.js:1:1)",
        details: {
          threadState: "S",
          waitingIn: "do_epoll_wait",
          systemCall: 281,
          children: [{ pid: 7, command: "sleep 3" }],
          noStack: "because",
          secondsNotCounted: 2,
        },
      },
      { name: "other", secondsInactive: 1, kind: "blocked-js", details: {} },
    ]);
    expect(report).toBe(
      `[watchdog] feed was not pinged for 30.0 s: the thread is in a system call, a child process or native code (blocked-native)
    at f (a.js:1:1)
    thread state S, asleep in do_epoll_wait, system call 281
    child process 7: sleep 3
    no stack: because
    2.0 s more, without a CPU or stopped, are not counted
[watchdog] other was not pinged for 1.0 s: the thread runs JavaScript that does not return (blocked-js)
`,
    );
    expect(timeoutSentence({ name: "a", secondsInactive: 2, kind: "not-pinged" })).toBe(
      "a was not pinged for 2.0 s: the event loop runs, the work does not ping (not-pinged)",
    );
  });

  test("has no control characters of a name or command, which could fake a line", () => {
    const children = [{ pid: 7, command: "sh -c a\nb\u001B[31m" }];
    const info = { name: "a\n[watchdog] b\u009B1m", secondsInactive: 1, kind: "blocked-native" } as const;
    const [first, second, last, ...more] = freezeReport([{ ...info, details: { children } }]).split("\n");
    expect(first).toMatch(/^\[watchdog\] a \[watchdog\] b 1m was not pinged/);
    expect(second).toBe("    child process 7: sh -c a b [31m");
    expect([last, more]).toEqual(["", []]);
  });
});
