import { writeRateLimit } from "../fields.js";

/** The largest integer of structured fields, RFC 9651. */
export const MAX_INTEGER = 999_999_999_999_999;

/** Seconds as fields have them: whole, and rounded so that nobody comes too early. */
export const whole = (seconds: number): number => Math.min(MAX_INTEGER, Math.max(0, Math.ceil(seconds)));

/** Writes the items of one quota in `RateLimit`. */
export class ItemWriter {
  readonly #name: string;

  /** @param name that of its policy. */
  constructor(name: string) {
    this.#name = writeRateLimit([{ name, remaining: 0 }]).slice(0, -1);
  }

  /** @param seconds until then no more may be used; not told if it is Infinity. */
  write(remaining: number, seconds: number): string {
    const r = Math.min(MAX_INTEGER, remaining);
    if (seconds === Infinity) return `${this.#name}${r}`;
    return `${this.#name}${r};t=${Math.max(r === 0 ? 1 : 0, whole(seconds))}`;
  }
}
