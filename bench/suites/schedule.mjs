// What finding a boundary costs: one after the other, and at instants of ten years in no order.
import { TimeTrigger } from "@kstlib/resilience/schedule";
import { measure, median, report } from "../measure.mjs";

const START = Date.UTC(2020, 0, 1);
const TEN_YEARS = 10 * 365 * 86_400_000;

const walk = (trigger) => (n) => {
  let at = START;
  for (let i = 0; i < n; i++) at = Number(trigger.nextBoundary(at));
  return at;
};

const jump = (trigger) => (n) => {
  let sum = 0;
  // Steps of the golden ratio spread the instants evenly.
  for (let i = 0; i < n; i++) {
    sum += Number(trigger.nextBoundary(START + ((i * 0.618_033_988_7) % 1) * TEN_YEARS));
  }
  return sum;
};

const minutes = new TimeTrigger("1m", { timezone: "Europe/Paris" });
const days = new TimeTrigger("1d", { timezone: "Europe/Paris" });
const weeks = new TimeTrigger("7d", { timezone: "Europe/Paris" });
const times = await measure(
  { minutes: walk(minutes), anyMinute: jump(minutes), anyDay: jump(days), anyWeek: jump(weeks) },
  { size: 2000 },
);
const microseconds = (name) => median(times[name]) / 1000;

report([
  {
    id: "minutes",
    label: 'one of "1m" after the other, Paris',
    value: microseconds("minutes"),
    unit: "µs",
    max: 20,
  },
  { id: "any-minute", label: '"1m" at any instant', value: microseconds("anyMinute"), unit: "µs", max: 20 },
  { id: "any-day", label: '"1d" at any instant', value: microseconds("anyDay"), unit: "µs" },
  { id: "any-week", label: '"7d" at any instant', value: microseconds("anyWeek"), unit: "µs" },
]);
