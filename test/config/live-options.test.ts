import { describe, expect, test } from "vitest";
import { components, sections } from "../../src/descriptors.js";
import type { Component } from "../../src/kernel/component.js";
import { ManualClock } from "../../src/testing/index.js";

const KINDS = Object.values(components).map((descriptor) => [descriptor.kind, descriptor] as const);
const LIVE = KINDS.flatMap(([kind, descriptor]) =>
  (descriptor.configured?.live ?? []).map((option) => [kind, option, descriptor] as const),
);

/** What a function throws, in words. */
function refusal(step: () => unknown): string {
  try {
    step();
    return "none";
  } catch (error) {
    return String(error);
  }
}

test("each section belongs to a kind of component whose descriptor names it", () => {
  const followed = new Set(KINDS.map(([, { configured }]) => configured?.section));
  // That of Redis is read when the application asks for what is shared.
  expect(Object.keys(sections).filter((section) => !followed.has(section))).toEqual(["redis"]);
});

test.each(KINDS)("%s takes its options from a section that has them", (_, { configured }) => {
  const { section = "", rules = {} } = configured ?? {};
  const known = Object.keys(sections[section]?.rules ?? {});
  expect(Object.keys(rules).filter((option) => option !== "name" && !known.includes(option))).toEqual([]);
});

describe.each(LIVE)("update of a %s with %s", (_, option, descriptor) => {
  const fallback = descriptor.configured?.rules[option]?.fallback;
  const made = (options: object = {}): Component => descriptor.make({ ...options, clock: new ManualClock() });

  test("takes what the constructor takes", () => {
    const component = made();
    const before = JSON.stringify(component);
    // With no default, `null` takes back what was given.
    component.update?.({ [option]: fallback ?? null });
    component.update?.({ [option]: undefined });
    expect(JSON.stringify(component)).toBe(before);
  });

  test.each([Number.NaN, Infinity, -Infinity, -1, 1e300, "", "10", "fast", {}, [], Symbol("no"), () => 1])(
    "refuses what the constructor refuses, and changes nothing then: %s",
    (value) => {
      const component = made();
      const before = JSON.stringify(component);
      const refused = refusal(() => component.update?.({ [option]: value }));
      expect(refused).toBe(refusal(() => made({ [option]: value })));
      expect(refused === "none" || JSON.stringify(component) === before).toBe(true);
    },
  );

  test("refuses null where there is a default, and unknown names", () => {
    const component = made();
    const takesNull = refusal(() => component.update?.({ [option]: null })) === "none";
    expect(takesNull).toBe(fallback === undefined);
    expect(() => component.update?.({ [`${option}Er`]: 1 })).toThrow(TypeError);
    expect(() => component.update?.({ name: "other" })).toThrow("name is not an option of update");
  });
});
