import { describe, expect, test } from "vitest";
import type { Alert, Delivery } from "../../src/alerts/alert.js";
import { cut, readAlert, recovery, repeated, Tally, together, withTally } from "../../src/alerts/messages.js";

const WALL = Date.UTC(2026, 0, 1);

const alert = (given: Partial<Delivery> = {}): Delivery => ({
  ...readAlert({ title: "slow" }, WALL, "id"),
  ...given,
});

const critical = alert({ title: "down", level: "critical", body: "since 9", key: "k" });

/** Alerts that were held, each at its second. */
function held(...alerts: readonly (readonly [alert: Delivery, second: number])[]): Tally {
  const tally = new Tally();
  for (const [each, second] of alerts) tally.add(each, each.count, second * 1000);
  return tally;
}

describe("a text", () => {
  test("that fits is whole; of another the end is replaced, and no half of a character is left", () => {
    expect([cut("12345", 5), cut("123456", 5), cut("🙂🙂🙂", 4), cut("🙂🙂🙂", 5)]).toEqual([
      "12345",
      "1234…",
      "🙂…",
      "🙂🙂…",
    ]);
  });
});

describe("an alert that is read", () => {
  test("has what was not given", () => {
    expect(readAlert({ title: "a" }, WALL, "7")).toEqual({
      title: "a",
      body: "",
      level: "info",
      key: undefined,
      timestamp: new Date(WALL),
      isRecovery: false,
      count: 1,
      id: "7",
    });
  });

  test.each<[object, string]>([
    [{ title: "" }, 'the title of an alert must be a non-empty string; got ""'],
    [{ title: 7 }, "the title of an alert must be a non-empty string; got 7"],
    [{ title: "a", body: 7 }, "the body of an alert must be a string; got 7"],
    [{ title: "a", key: 7 }, "the key of an alert must be a string; got 7"],
    [{ title: "a", key: "" }, "the key of an alert must have 1 to 500 characters; got one of 0"],
    [{ title: "a", key: "k".repeat(501) }, "must have 1 to 500 characters; got one of 501"],
    [
      { title: "a", level: "high" },
      "the level of an alert must be one of info, success, warning, critical; got",
    ],
    [{ title: "a", timestamp: 5 }, "the timestamp of an alert must be a valid Date; got 5"],
    [{ title: "a", timestamp: new Date(Number.NaN) }, "the timestamp of an alert must be a valid Date"],
  ])("is refused for what is wrong: %j", (given, message) => {
    expect(() => readAlert(given as Alert, WALL, "7")).toThrow(message);
  });

  test("has no half of a character", () => {
    const { title, body } = readAlert({ title: "a \uD800 b", body: "\uDC00" }, WALL, "7");
    expect([title, body]).toEqual(["a \uFFFD b", "\uFFFD"]);
  });

  test("may have a key of 500 characters", () => {
    const key = "k".repeat(500);
    expect(readAlert({ title: "a", key }, WALL, "7").key).toBe(key);
  });
});

test("a repetition adds how many there were to the text, after an empty line", () => {
  expect(repeated(critical, 3, 300_000, "8")).toEqual({
    ...critical,
    id: "8",
    count: 3,
    body: "since 9\n\n3 more in 5 min",
  });
  const after = (milliseconds: number): string => repeated(alert(), 1, milliseconds, "8").body;
  expect([400, 30_000, 7_200_000, 2 * 86_400_000].map(after)).toEqual([
    "1 more in 1 s",
    "1 more in 30 s",
    "1 more in 2 h",
    "1 more in 2 d",
  ]);
});

test("a recovery is a success without a text", () => {
  expect(recovery("k", "down", WALL, "9")).toEqual({
    title: "resolved: down",
    body: "",
    level: "success",
    key: "k",
    timestamp: new Date(WALL),
    isRecovery: true,
    count: 1,
    id: "9",
  });
});

describe("what is held", () => {
  test("of one is the alert itself, also when nothing is put back", () => {
    const tally = held([critical, 1]);
    tally.restore(new Tally());
    expect(tally.message(2000, WALL, "id")).toBe(critical);
    expect(tally.take().message(2000, WALL, "id")).toBe(critical);
  });

  test.each<[string, (tally: Tally) => void, number]>([
    ["counted twice", (tally) => tally.add(alert(), 2, 0), 2],
    ["that stands for two, of which one is told", (tally) => tally.add(alert({ count: 2 }), 1, 0), 1],
    ["to which one is put back", (tally) => (tally.add(alert(), 1, 0), tally.restore(held([alert(), 0]))), 2],
  ])("of one %s is told in numbers", (_, fill, count) => {
    const tally = new Tally();
    fill(tally);
    expect(tally.message(60_000, WALL, "id")).toEqual({
      title: `${count} more in 1 min`,
      body: `${count} × slow (info)`,
      level: "info",
      key: undefined,
      timestamp: new Date(WALL),
      isRecovery: false,
      count,
      id: "id",
    });
  });

  test("begins with the first of it, also when an earlier one is put back", () => {
    const tally = held([alert(), 5], [alert(), 10]);
    expect(tally.headline(20_000)).toBe("2 more in 15 s");
    tally.restore(held([alert(), 2]));
    expect(tally.headline(20_000)).toBe("3 more in 18 s");
    tally.take();
    tally.add(alert(), 1, 19_000);
    expect(tally.headline(20_000)).toBe("1 more in 1 s");
  });

  test("has the highest level of it, and begins anew when it was taken", () => {
    const tally = held([critical, 0], [alert(), 0]);
    expect(tally.level).toBe("critical");
    tally.take();
    tally.add(alert(), 1, 0);
    expect(tally.level).toBe("info");
    expect(held([alert(), 0], [critical, 0]).level).toBe("critical");
  });

  test("lists twenty titles, what matters most first, and the text of a critical one last", () => {
    const many = Array.from({ length: 25 }, (_, at) => [alert({ title: `slow ${at}` }), 0] as const);
    expect(
      held(...many)
        .lines()
        .split("\n")
        .slice(19),
    ).toEqual(["1 × slow 19 (info)", "5 × others"]);
    const lines = held(...many, [critical, 0], [critical, 0])
      .lines()
      .split("\n");
    expect(lines[0]).toBe("2 × down (critical)");
    expect(lines.slice(20)).toEqual(["6 × others", "", "down:", "since 9"]);
  });

  test("is told with another message, whose level is not below its own", () => {
    expect(withTally(alert({ body: "text" }), held([critical, 0], [alert(), 30]), 60_000)).toEqual({
      ...alert(),
      body: "text\n\n2 more in 1 min\n1 × down (critical)\n1 × slow (info)\n\ndown:\nsince 9",
      level: "critical",
      count: 3,
    });
    expect(withTally(critical, held([alert(), 0]), 60_000)).toMatchObject({ level: "critical", count: 2 });
    expect(withTally(critical, new Tally(), 60_000)).toBe(critical);
  });
});

describe("several alerts in one message", () => {
  test("have the title of the worst, and a line each", () => {
    expect(together([alert({ key: "a" }), critical, alert({ count: 2, isRecovery: true })])).toEqual({
      ...alert(),
      title: "down (and 2 more)",
      body: "slow (info)\ndown (critical): since 9\nslow (info)",
      level: "critical",
      key: undefined,
      isRecovery: false,
      count: 4,
    });
  });

  test("are listed up to twenty", () => {
    const lines = (count: number): string[] =>
      together([alert(), ...Array.from({ length: count - 1 }, () => alert())]).body.split("\n");
    expect(lines(20)).toHaveLength(20);
    expect(lines(23).slice(20)).toEqual(["and 3 more"]);
  });

  test("are a recovery if all of them are", () => {
    const over = alert({ isRecovery: true });
    expect(together([over, over]).isRecovery).toBe(true);
  });
});
