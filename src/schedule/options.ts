import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { clockRule } from "../kernel/object-rules.js";
import { type OptionRules, ownOptions, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { custom, duration, text } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import { checkedLayers } from "../kernel/check-section.js";
import { type SectionDescriptor, sectionRules } from "../kernel/descriptor.js";
import { offsetsOf } from "./time-zone.js";

/** Options of {@link TimeTrigger}; the section `schedule` of the configuration gives their defaults. */
export interface TimeTriggerOptions {
  /** Selects `instances.<name>` in the configuration, and names the trigger in messages. Default `"schedule"`. */
  readonly name?: string | undefined;
  /** The IANA time zone whose local time counts, such as `"Europe/Paris"`. Default `"UTC"`. */
  readonly timezone?: string | undefined;
  /**
   * How much later than midnight, or than Monday's, boundaries are counted from: with `"9h"`, those of `"1d"` are at
   * 09:00. Less than `every`; whole milliseconds. Default 0.
   */
  readonly offset?: Duration | undefined;
  /** Source of time. Default `realClock`. */
  readonly clock?: Clock | undefined;
}

/** What the section `schedule` can say: the options, and `every` for a trigger that is created without it. */
export interface ScheduleSection extends TimeTriggerOptions {
  /** The time between two boundaries, from 1 minute to 7 days; whole milliseconds. */
  readonly every?: Duration | undefined;
}

/** Checked options; durations in milliseconds. */
export type TimeTriggerSettings = SettingsFor<
  ScheduleSection,
  { name: string; every: number; timezone: string; offset: number; clock: Clock }
>;

const SHORTEST = 60_000;
const LONGEST = 7 * 86_400_000;

const anyDuration = duration(undefined);
const anyOffset = duration(0, { zero: true });

function parseTimezone(value: unknown, label: string): string {
  const wrong = unlike(label, 'an IANA time zone such as "UTC" or "Europe/Paris"', value);
  if (typeof value !== "string") throw new TypeError(wrong);
  try {
    offsetsOf(value);
  } catch (cause) {
    throw new RangeError(wrong, { cause });
  }
  return value;
}

/** The allowed values and the default of each option. */
export const timeTriggerRules: OptionRules<TimeTriggerSettings> = {
  name: text("schedule"),
  every: {
    ...anyDuration,
    parse(value, label) {
      const every = Math.round(anyDuration.parse(value, label));
      if (every >= SHORTEST && every <= LONGEST) return every;
      throw new RangeError(unlike(label, "a duration from 1m to 7d", value));
    },
  },
  timezone: custom({
    fallback: "UTC",
    allowed: "an IANA time zone",
    file: { kind: "text" },
    parse: parseTimezone,
  }),
  offset: { ...anyOffset, parse: (value, label) => Math.round(anyOffset.parse(value, label)) },
  clock: clockRule,
};

/** Throws a RangeError unless a time within a period is less than the period; both in milliseconds. */
export function checkLess(label: string, milliseconds: number, every: number): void {
  if (milliseconds < every) return;
  throw new RangeError(`${label} must be less than every (${every / 1000} s); got ${milliseconds / 1000} s.`);
}

/** The section; the rules are those of the constructor. */
export const section: SectionDescriptor = {
  rules: sectionRules(timeTriggerRules),
  together: ({ every, offset }) => {
    if (every !== undefined) checkLess("offset", Number(offset), Number(every));
  },
};

/** Checks what the constructor of a trigger is given, and what the configuration says. */
export function resolveTimeTrigger(
  every: Duration | undefined,
  options: TimeTriggerOptions | undefined,
): TimeTriggerSettings {
  const { every: _, ...known } = timeTriggerRules;
  const own = ownOptions("TimeTrigger", known, options === undefined ? {} : options);
  const layers = checkedLayers("schedule", section, own);
  const settings = resolveOptions("TimeTrigger", timeTriggerRules, { ...own, every }, layers);
  // Neither given nor configured.
  if (settings.every === undefined) timeTriggerRules.every.parse(undefined, "every");
  checkLess("offset", settings.offset, settings.every);
  return settings;
}
