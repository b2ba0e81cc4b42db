import { unlike } from "../kernel/show.js";

/** A secret for {@link hashKey}, so that attackers cannot choose keys that collide. */
export type HashSeed = readonly [number, number];

// `node:crypto` is not imported: loading it takes as long as loading the whole package. The global `crypto` is
// missing in some realms.

/** A new secret. */
export function randomSeed(): HashSeed {
  const { randomFillSync } = process.getBuiltinModule("node:crypto");
  const [first = 0, second = 0] = randomFillSync(new Int32Array(2));
  return [first, second];
}

/**
 * HalfSipHash-1-3 of a string (Aumasson and Bernstein, "SipHash: a fast short-input PRF"), two UTF-16 units a
 * round: a keyed hash of 32 bits. JavaScript has no access to the engine's own hash of a string.
 */
export function hashKey(key: string, [first, second]: HashSeed): number {
  let v0 = first;
  let v1 = second;
  let v2 = 0x6c796765 ^ first;
  let v3 = 0x74656462 ^ second;
  const { length } = key;
  const words = (length + 1) >> 1;
  // After the words, one round with the length, then three to finish.
  for (let word = 0; word <= words + 3; word++) {
    let message = 0;
    if (word < words) {
      const at = word * 2;
      message = key.charCodeAt(at);
      if (at + 1 < length) message |= key.charCodeAt(at + 1) << 16;
    } else if (word === words) {
      message = length;
    } else if (word === words + 1) {
      v2 ^= 0xff;
    }
    v3 ^= message;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= message;
  }
  return v1 ^ v3;
}

/** Replaces a key that is too long to be kept. Hashed as UTF-16, in which different strings have different bytes. */
function digestOf(key: string): string {
  const { createHash } = process.getBuiltinModule("node:crypto");
  return `sha256:${createHash("sha256").update(key, "utf16le").digest("base64url")}`;
}

/**
 * The key as the table knows it: itself, or its digest if it is too long.
 *
 * @throws TypeError when it is not a string.
 */
export function idOf(key: unknown, maxLength: number): string {
  if (typeof key !== "string") throw new TypeError(unlike("key", "a string", key));
  return key.length <= maxLength ? key : digestOf(key);
}
