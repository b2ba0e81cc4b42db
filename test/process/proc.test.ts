import { expect, test } from "vitest";
import { childrenOf, parseStat, type ProcessStat, readProc, readStat } from "../../src/process/proc.js";

/** A line of /proc/<pid>/stat from the state on: parent 1, group 2, session 3. */
const line = (name: string, state: string): string =>
  `17 (${name}) ${state} 1 2 3 ${"0 ".repeat(15)}4242 0 0`;
const known = { group: 2, session: 3, start: 4242, ended: false };

test.each<[string, string, ProcessStat | undefined]>([
  ["of a running process", line("node", "R"), { ...known, state: "R" }],
  ["of a zombie", line("node", "Z"), { ...known, state: "Z", ended: true }],
  ["of a dead process", line("node", "X"), { ...known, state: "X", ended: true }],
  ["with parentheses in the program's name", line("a) b (c)", "R"), { ...known, state: "R" }],
  ["with a line break in the program's name", line("two\nlines", "D"), { ...known, state: "D" }],
  ["with a program's name made to mislead", line("a) Z (b) 1 \n", "S"), { ...known, state: "S" }],
  ["cut off", "17 (node) R 0 0", undefined],
  ["empty", "", undefined],
  ["that is none", "nonsense", undefined],
])("a line of /proc/<pid>/stat %s is read", (_what, text, expected) => {
  expect(parseStat(text)).toEqual(expected);
});

test("nothing is read of a process or thread that does not exist", () => {
  expect(readProc("/proc/self/task/none/stat")).toBeUndefined();
  expect(readStat("/proc/self/task/none")).toBeUndefined();
  expect(childrenOf("/proc/self/task/none")).toEqual([]);
});
