import type { Duration } from "../kernel/duration.js";
import { ownOptions, type OptionRules, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { custom, duration, numberAbove, optional, text } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import { CAPACITY, CELLS, newMemory, TOKEN } from "./shared-turns.js";

/** Options of a {@link SharedBucket}. */
export interface SharedBucketOptions {
  /** How many tokens flow into the bucket in each `per`: above 0, up to 10⁹ a second. Default 10. */
  readonly rate?: number | undefined;
  /** The period of `rate`; may be as long as a month. Default 1 s. */
  readonly per?: Duration | undefined;
  /** How many tokens the bucket holds: a number above 0. Default: the rate, at least 1. */
  readonly burst?: number | undefined;
  /** Its name in errors. Default `"shared-bucket"`. */
  readonly name?: string | undefined;
}

/** A {@link SharedBucket} on its way to another thread, as `workerData` or by `postMessage`. */
export interface SharedBucketHandle {
  readonly name: string;
  readonly burst: number;
  /** What the threads share; its contents are the bucket's own. */
  readonly memory: SharedArrayBuffer;
}

/** Checked {@link SharedBucketOptions}; `per` in milliseconds. */
type SharedBucketSettings = SettingsFor<
  SharedBucketOptions,
  { rate: number; per: number; burst: number | undefined; name: string }
>;

const burst = numberAbove(undefined, 0);
const name = text("shared-bucket");

/** The rules of {@link SharedBucketOptions}. */
const sharedBucketRules: OptionRules<SharedBucketSettings> = {
  rate: numberAbove(10, 0),
  per: duration(1, { long: true }),
  burst: optional(burst),
  name,
};

const isMemory = (value: unknown): value is SharedArrayBuffer =>
  Object.prototype.toString.call(value) === "[object SharedArrayBuffer]";

const handleRules: OptionRules<SharedBucketHandle> = {
  name,
  burst,
  memory: custom({
    allowed: "the SharedArrayBuffer of a SharedBucket",
    parse(value, label) {
      if (isMemory(value) && value.byteLength === CELLS * 8) {
        const cells = new BigInt64Array(value);
        if ((cells[TOKEN] ?? 0n) > 0n && (cells[CAPACITY] ?? 0n) > 0n) return value;
      }
      throw new TypeError(unlike(label, "the SharedArrayBuffer of a SharedBucket", value));
    },
  }),
};

/** Whether it says that it is one; options have no memory. */
export function isHandle(options: object | undefined): options is SharedBucketHandle {
  return typeof options === "object" && options !== null && "memory" in options;
}

/** A new bucket's handle. Throws as the constructor of {@link SharedBucket} does. */
export function newHandle(options: SharedBucketOptions | undefined): SharedBucketHandle {
  const settings = resolveOptions("SharedBucket", sharedBucketRules, options);
  const { rate, per, burst: holds = Math.max(1, rate) } = settings;
  return Object.freeze({ name: settings.name, burst: holds, memory: newMemory(rate, per, holds) });
}

/**
 * Checks what is said to be a handle.
 *
 * @throws TypeError when it is not, or when its memory was not shared but copied.
 */
export function readHandle(handle: unknown): SharedBucketHandle {
  const own = ownOptions("the handle of a SharedBucket", handleRules, handle);
  for (const key of ["burst", "memory"] as const) handleRules[key].parse(own[key], `${key} of the handle`);
  return resolveOptions("the handle of a SharedBucket", handleRules, own);
}
