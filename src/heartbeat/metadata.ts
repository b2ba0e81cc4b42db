import { show } from "../kernel/show.js";
import { isThenable } from "../kernel/thenable.js";
import { warn } from "../kernel/warning.js";
import { type HeartbeatMetadata, parseJsonObject } from "../heartbeat-file/state.js";

/** Leaves room for the other fields below the size that readers accept. */
const LARGEST_METADATA = 1_000_000;

/** What {@link copyMetadata} accepts, for messages. */
export const METADATA_RULE = "an object that JSON can hold, at most 1000000 bytes of it";

/**
 * Makes the JSON copy of an application's metadata.
 *
 * @throws TypeError when it is not an object or JSON cannot hold it, RangeError when it is too large.
 */
export function copyMetadata(value: unknown, label: string): HeartbeatMetadata {
  const refuse = (found: string, cause?: unknown): never => {
    throw new TypeError(
      `${label} must be ${METADATA_RULE}; got ${found}.`,
      cause === undefined ? undefined : { cause },
    );
  };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(show(value));
  let text: unknown;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    return refuse("an object that JSON cannot hold", cause);
  }
  const copy = typeof text === "string" ? parseJsonObject(text) : undefined;
  if (typeof text !== "string" || copy === undefined) return refuse("an object that is no object in JSON");
  const size = Buffer.byteLength(text);
  if (size > LARGEST_METADATA) {
    throw new RangeError(`${label} must be ${METADATA_RULE}; got ${size} bytes.`);
  }
  return Object.freeze(copy);
}

/** The metadata of one heartbeat. That the process lives does not depend on it: a failure leaves the last good one. */
export class MetadataSource {
  readonly #owner: string;
  readonly #make: (() => unknown) | undefined;
  #last: HeartbeatMetadata;
  #failing = false;

  constructor(owner: string, source: HeartbeatMetadata | (() => unknown)) {
    this.#owner = owner;
    this.#make = typeof source === "function" ? source : undefined;
    this.#last = typeof source === "function" ? Object.freeze({}) : source;
  }

  /** Asks the application's function, if there is one. Never throws; warns once per row of failures. */
  read(): HeartbeatMetadata {
    if (this.#make === undefined) return this.#last;
    try {
      const made = this.#make();
      if (isThenable(made)) {
        // Nobody waits for it, so its failure must not become an unhandled rejection.
        made.then(undefined, () => undefined);
        throw new TypeError("the metadata function must return an object; got a promise.");
      }
      this.#last = copyMetadata(made, "what the metadata function returns");
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) {
        warn(
          "KSTLIB_METADATA_FAILED",
          `the metadata function of ${this.#owner} failed; beats go on with the last good metadata`,
          error,
        );
      }
      this.#failing = true;
    }
    return this.#last;
  }
}
