/** A sample of the text format: the name, the labels, the value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric of the text format, with its samples. */
export interface ReadFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const NUMBERS: Readonly<Record<string, number>> = { "+Inf": Infinity, "-Inf": -Infinity, NaN: Number.NaN };

/** One text for a series, whatever the order of its labels. */
export function seriesOf({ name, labels }: Sample): string {
  const keys = Object.keys(labels).toSorted((one, other) => (one < other ? -1 : 1));
  return `${name} ${JSON.stringify(keys.map((key) => [key, labels[key]]))}`;
}

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, character: string) => {
    if (character === "n") return "\n";
    if (character === "\\" || character === '"') return character;
    throw new Error(`\\${character} is no escape`);
  });
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const [all, key, value] = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[^\n])*)"(?:,|$)/.exec(rest) ?? [];
    if (all === undefined || key === undefined || value === undefined) throw new Error(`no label: ${rest}`);
    if (Object.hasOwn(labels, key)) throw new Error(`twice: ${key}`);
    labels[key] = unescape(value);
    rest = rest.slice(all.length);
  }
  return labels;
}

function readSample(line: string): Sample {
  const [, name, labels, value] =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`);
  const number = NUMBERS[value] ?? Number(value);
  if (Number.isNaN(number) && value !== "NaN") throw new Error(`no number: ${line}`);
  return { name, labels: readLabels(labels ?? ""), value: number };
}

/**
 * Reads Prometheus' text format 0.0.4 by its description, strictly: each metric in one group, `HELP` and `TYPE` first, no
 * sample twice, buckets ascending, and the one of all equal to the count.
 */
export function readText(text: string): readonly ReadFamily[] {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line has no end");
  const families: { name: string; help: string; type: string; samples: Sample[] }[] = [];
  const seen = new Set<string>();
  for (const line of text.split("\n").slice(0, -1)) {
    const [, help, told] = /^# HELP (\S+) (.*)$/.exec(line) ?? [];
    const [, typed, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    const family = families.at(-1);
    if (help !== undefined && told !== undefined) {
      if (families.some(({ name }) => name === help)) throw new Error(`${help} has two groups`);
      families.push({ name: help, help: unescape(told), type: "", samples: [] });
    } else if (typed !== undefined && type !== undefined) {
      if (family?.name !== typed || family.samples.length > 0) throw new Error(`out of place: ${line}`);
      family.type = type;
    } else {
      const sample = readSample(line);
      const endings = family?.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      if (!endings.some((ending) => sample.name === `${family?.name}${ending}`)) {
        throw new Error(`in the wrong group: ${line}`);
      }
      const key = seriesOf(sample);
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      seen.add(key);
      family?.samples.push(sample);
    }
  }
  for (const family of families) if (family.type === "histogram") checkBuckets(family);
  return families;
}

function checkBuckets({ name, samples }: ReadFamily): void {
  let bound = -Infinity;
  let count = 0;
  for (const sample of samples) {
    if (sample.name === `${name}_bucket`) {
      const le = NUMBERS[sample.labels["le"] ?? ""] ?? Number(sample.labels["le"]);
      if (!(le > bound) || sample.value < count) throw new Error(`${name}: buckets do not ascend`);
      [bound, count] = [le, sample.value];
    } else if (sample.name === `${name}_count`) {
      if (bound !== Infinity || sample.value !== count) throw new Error(`${name}: the count is another`);
      [bound, count] = [-Infinity, 0];
    }
  }
}
