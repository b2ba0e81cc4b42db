import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { removeOldReports, reportName } from "../../../src/watchdog/monitor/report-file.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "reports-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function report(name: string, pid: number, second: number): string {
  const time = `2026-01-02T03:04:${String(second).padStart(2, "0")}.000000+00:00`;
  const file = `${reportName(name, pid, time)}.json`;
  writeFileSync(path.join(folder, file), "{}");
  return file;
}

describe("the folder for reports", () => {
  test("keeps the newest of all watchdogs and processes", () => {
    const files = [5, 3, 9, 1].map((second, index) => report(index % 2 === 0 ? "b" : "a", second, second));
    const latest = report("z", 1, 7);
    removeOldReports(folder, 3, latest);
    expect(readdirSync(folder).toSorted()).toEqual([files[0], files[2], latest].toSorted());
    removeOldReports(folder, 3, latest);
    expect(readdirSync(folder)).toHaveLength(3);
  });

  test("keeps the report that was just written, even after the clock was set back", () => {
    report("a", 1, 9);
    const latest = report("a", 1, 1);
    removeOldReports(folder, 1, latest);
    expect(readdirSync(folder)).toEqual([latest]);
  });

  test("keeps files and folders that are not its reports", () => {
    const theirs = ["notes.txt", "watchdog.json", "watchdog-a-1.json", `x${report("a", 1, 1)}`];
    for (const name of theirs) writeFileSync(path.join(folder, name), "");
    const directory = "watchdog-a-1-20200102T030405000Z.json";
    mkdirSync(path.join(folder, directory));
    const link = "watchdog-b-1-20200102T030405000Z.json";
    symlinkSync(path.join(folder, "notes.txt"), path.join(folder, link));
    const latest = report("a", 1, 2);
    removeOldReports(folder, 1, latest);
    expect(readdirSync(folder).toSorted()).toEqual([...theirs, directory, link, latest].toSorted());
  });

  test("also counts the second report of the same name and time", () => {
    const first = report("a", 1, 1);
    const second = first.replace(".json", "-2.json");
    writeFileSync(path.join(folder, second), "");
    const latest = report("a", 1, 2);
    removeOldReports(folder, 1, latest);
    expect(readdirSync(folder)).toEqual([latest]);
  });
});
