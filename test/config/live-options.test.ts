import { describe, expect, test } from "vitest";
import { components, sections } from "../../src/descriptors.js";
import type { Component } from "../../src/kernel/component.js";
import { ManualClock } from "../../src/testing/index.js";

const KINDS = Object.values(components).map((descriptor) => [descriptor.kind, descriptor] as const);
const LIVE = KINDS.flatMap(([kind, descriptor]) =>
  (descriptor.live ?? []).map((option) => [kind, option, descriptor] as const),
);

test.each(KINDS)("%s takes its options from a section that has them", (_, { section, rules }) => {
  const known = Object.keys(sections[section]?.rules ?? {});
  expect(Object.keys(rules).filter((option) => option !== "name" && !known.includes(option))).toEqual([]);
});

describe.each(LIVE)("update of a %s with %s", (_, option, { make, rules }) => {
  const rule = rules[option];
  const component = (): Component => make({ clock: new ManualClock() });

  test("takes what the constructor takes", () => {
    // With no default, `null` takes back what was given.
    const value = rule?.fallback ?? null;
    const before = component();
    const described = JSON.stringify(before);
    before.update?.({ [option]: value });
    before.update?.({ [option]: undefined });
    expect(JSON.stringify(before)).toBe(described);
  });

  test.each([Number.NaN, Infinity, -Infinity, -1, 1e300, "", "10", "fast", {}, [], Symbol("no"), () => 1])(
    "refuses what the constructor refuses: %s",
    (value) => {
      let refusal: unknown;
      try {
        make({ [option]: value, clock: new ManualClock() });
      } catch (error) {
        refusal = error;
      }
      const changed = component();
      const described = JSON.stringify(changed);
      const update = (): void => changed.update?.({ [option]: value });
      if (refusal === undefined) expect(update).not.toThrow();
      else {
        expect(update).toThrow(refusal as Error);
        expect(JSON.stringify(changed)).toBe(described);
      }
    },
  );

  test("refuses null where there is a default, and unknown names", () => {
    const changed = component();
    if (rule?.fallback !== undefined) {
      expect(() => changed.update?.({ [option]: null })).toThrow(`${option} must be`);
    }
    expect(() => changed.update?.({ [`${option}Er`]: 1 })).toThrow(TypeError);
    expect(() => changed.update?.({ name: "other" })).toThrow("name is not an option of update");
  });
});
