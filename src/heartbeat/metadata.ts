import { isPlainObject } from "../kernel/plain-object.js";
import { show } from "../kernel/show.js";
import { disown, isThenable } from "../kernel/thenable.js";
import {
  asciiJson,
  DEEPEST_METADATA,
  freezeMetadata,
  type HeartbeatMetadata,
  isJsonObject,
} from "../heartbeat-file/state.js";
import { lastGood } from "./last-good.js";

/** Leaves room for the other fields within the size that readers accept. */
const LARGEST_METADATA = 1_000_000;

/** What {@link copyMetadata} accepts, in words. */
export const METADATA_RULE: string = `a plain object that JSON can hold, with plain objects in it, at most ${DEEPEST_METADATA} deep and ${LARGEST_METADATA} bytes long`;

/** Called by JSON.stringify for each value, after its `toJSON`; otherwise a Map or an Error would become `{}`. */
function checkPlain(key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if (isPlainObject(value)) return value;
  throw new TypeError(`${key === "" ? "it" : JSON.stringify(key)} is not a plain object and has no toJSON`);
}

/**
 * Makes the frozen JSON copy of an application's metadata.
 *
 * @throws TypeError if it cannot be a JSON object, RangeError if it is too large.
 */
export function copyMetadata(value: unknown, label: string): HeartbeatMetadata {
  const refusal = (found: string): string => `${label} must be ${METADATA_RULE}; got ${found}.`;
  if (isThenable(value)) {
    disown(value);
    throw new TypeError(refusal("a promise"));
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(value, checkPlain);
  } catch (cause) {
    throw new TypeError(refusal(show(value)), { cause });
  }
  // Parsed again, so that a Date is a string as in the file.
  const copy: unknown = text === undefined ? undefined : JSON.parse(text);
  if (text === undefined || !isJsonObject(copy)) throw new TypeError(refusal(show(copy)));
  // The size in the file.
  const size = asciiJson(text).length;
  if (size > LARGEST_METADATA) throw new RangeError(refusal(`${size} bytes`));
  if (!freezeMetadata(copy)) throw new RangeError(refusal("one that is nested deeper"));
  return copy;
}

/** Returns a function that provides the metadata of each beat. */
export function metadataSource(
  owner: string,
  metadata: HeartbeatMetadata | (() => unknown),
): () => HeartbeatMetadata {
  if (typeof metadata !== "function") return () => metadata;
  return lastGood(
    () => copyMetadata(metadata(), "what it returns"),
    Object.freeze({}),
    "KSTLIB_METADATA_FAILED",
    `the metadata function of ${owner} failed; beats continue with the last good metadata`,
  );
}
