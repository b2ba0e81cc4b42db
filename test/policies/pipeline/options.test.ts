import { expect, test } from "vitest";
import { resilient } from "../../../src/resilient.js";

test.each(["2 sec", "10 s", "2,5s", "100 ms", "5 minutes"])(
  "%j is a duration that is wrong, and no name",
  (text) => {
    for (const part of ["timeout", "totalTimeout"]) {
      expect(() => resilient({ [part]: text })).toThrow(`${part} must be a duration`);
    }
  },
);

test("a text that begins with a letter is a name", () => {
  expect(resilient({ timeout: "slow" }).timeout.name).toBe("slow");
});
