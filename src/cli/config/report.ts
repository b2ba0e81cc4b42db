import type { ReadConfig } from "../../config/load.js";
import type { EffectiveSection, EffectiveValue, Origin } from "../../config/origins.js";

/** One option in the output of `--json`. */
export interface ValueReport {
  /** As the file writes it; `reset_timeout.initial` for a part of a value. */
  readonly option: string;
  /** `null`: it has no default and is not given. */
  readonly value: unknown;
  /** Where it is given; `null`: it is the default. */
  readonly origin: Origin | null;
}

/** What `config show --json` prints. */
export interface ConfigReport {
  /** Absolute path; `null`: there is none, and the defaults apply. */
  readonly file: string | null;
  /** What it includes, in the order of reading: a later one overrides an earlier one. */
  readonly included: readonly string[];
  readonly sections: readonly {
    readonly section: string;
    readonly options: readonly ValueReport[];
    readonly instances: readonly { readonly name: string; readonly options: readonly ValueReport[] }[];
  }[];
}

/** The files that the one that was found includes, directly or not. */
export function includedFiles({ sources }: ReadConfig): readonly string[] {
  return sources.slice(0, -1).map(({ file }) => file);
}

function valueReport({ keys, value, origin }: EffectiveValue): ValueReport {
  return { option: keys.join("."), value: value ?? null, origin: origin ?? null };
}

/** The values in effect, as data. */
export function configReport(read: ReadConfig, sections: readonly EffectiveSection[]): ConfigReport {
  return {
    file: read.file ?? null,
    included: includedFiles(read),
    sections: sections.map(({ key, values, instances }) => ({
      section: key,
      options: values.map(valueReport),
      instances: instances.map(({ name, values: own }) => ({ name, options: own.map(valueReport) })),
    })),
  };
}
