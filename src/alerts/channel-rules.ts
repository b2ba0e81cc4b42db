import type { Duration } from "../kernel/duration.js";
import {
  choice,
  duration,
  fileFields,
  type FileRule,
  integer,
  numberAbove,
  optional,
  type Rule,
} from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import type { AlertLevel } from "./alert.js";
import { LEVELS } from "./messages.js";
import { nested } from "./nested.js";

/** A checked `AlertThrottle`; milliseconds. */
export interface ThrottleSettings {
  readonly rate: number;
  readonly per: number;
  readonly burst: number;
}

/** A duration from one second up to `most` seconds. */
function fromOneSecond(fallback: Duration, most: number, named: string): FileRule<number> {
  const rule = duration(fallback, { long: most > 3600 });
  const allowed = `a duration from 1s to ${named}`;
  return {
    ...rule,
    allowed,
    parse(value, label) {
      const milliseconds = rule.parse(value, label);
      if (milliseconds >= 1000 && milliseconds <= most * 1000) return milliseconds;
      throw new RangeError(unlike(label, allowed, value));
    },
  };
}

const throttleRules = {
  rate: numberAbove(10, 0, 1000),
  per: fromOneSecond("60s", 86_400, "1d"),
  burst: integer(5, 1),
};

const THROTTLE = "{ rate, per, burst } or false";

/** The rule of a throttle. */
export const throttleRule: FileRule<ThrottleSettings | false> = {
  fallback: {},
  allowed: THROTTLE,
  file: {
    kind: "either",
    shapes: [{ kind: "object", fields: fileFields(throttleRules) }, { kind: "boolean" }],
  },
  parse(value, label) {
    if (value === false) return false;
    return nested<ThrottleSettings>(label, throttleRules, value, { allowed: THROTTLE });
  },
};

/** The rule of a level. */
export const levelRule: FileRule<AlertLevel> = choice<AlertLevel>("info", LEVELS);

/** The rule of the time of one attempt. */
export const timeoutRule: FileRule<number> = fromOneSecond("30s", 120, "2m");

/** The rule of how often a delivery is tried again. */
export const maxRetriesRule: FileRule<number> = integer(2, 0, 5);

/** The rules of how a channel is used, where that differs from the manager. */
export const howRules: {
  readonly minLevel: Rule<AlertLevel | undefined>;
  readonly throttle: Rule<ThrottleSettings | false | undefined>;
  readonly timeout: Rule<number | undefined>;
} = {
  minLevel: optional(levelRule),
  throttle: optional(throttleRule),
  timeout: optional(timeoutRule),
};
