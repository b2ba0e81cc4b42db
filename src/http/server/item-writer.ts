import { writeRateLimit } from "../fields.js";

/** The largest integer of structured fields, RFC 9651. */
export const MAX_INTEGER = 999_999_999_999_999;

/** Seconds as fields have them: whole, and rounded so that nobody comes too early. */
export const whole = (seconds: number): number => Math.min(MAX_INTEGER, Math.max(0, Math.ceil(seconds)));

/** How many items are kept: most clients are at the same few places of their quota. A power of two. */
const KEPT = 256;

/** Writes the items of one quota in `RateLimit`. */
export class ItemWriter {
  readonly #name: string;
  readonly #remaining = new Float64Array(KEPT).fill(-1);
  readonly #seconds = new Float64Array(KEPT);
  readonly #written: string[] = Array.from({ length: KEPT }, () => "");

  /** @param name that of its policy. */
  constructor(name: string) {
    this.#name = writeRateLimit([{ name, remaining: 0 }]).slice(0, -1);
  }

  /** @param seconds until then no more may be used; not told if it is Infinity. */
  write(remaining: number, seconds: number): string {
    const r = Math.min(MAX_INTEGER, remaining);
    const t = seconds === Infinity ? -1 : Math.max(r === 0 ? 1 : 0, whole(seconds));
    const slot = (r * 31 + t) & (KEPT - 1);
    if (this.#remaining[slot] !== r || this.#seconds[slot] !== t) {
      this.#remaining[slot] = r;
      this.#seconds[slot] = t;
      this.#written[slot] = t < 0 ? `${this.#name}${r}` : `${this.#name}${r};t=${t}`;
    }
    return this.#written[slot] ?? "";
  }
}
