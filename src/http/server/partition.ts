/** How much of an HMAC-SHA-256 is told: enough to be different for each key. */
const LENGTH = 16;

/** `pk` of keys: nobody without the secret finds out the key, even if there are as few as there are addresses. */
export function partitionOf(secret: string | Uint8Array): (key: string) => Uint8Array {
  const { createHmac } = process.getBuiltinModule("node:crypto");
  // A copy: the application may wipe its own.
  const own = typeof secret === "string" ? secret : Uint8Array.from(secret);
  return (key) => createHmac("sha256", own).update(key, "utf16le").digest().subarray(0, LENGTH);
}
