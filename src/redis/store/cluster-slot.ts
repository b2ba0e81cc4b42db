/** CRC-16/XMODEM of each byte, by which a cluster distributes keys. */
const CRC = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The slot of a key in a cluster: of what stands between its first braces, if anything does. */
export function clusterSlot(key: string): number {
  const open = key.indexOf("{");
  const end = key.indexOf("}", open + 1);
  const tag = open !== -1 && end > open + 1 ? key.slice(open + 1, end) : key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) crc = ((crc << 8) & 0xffff) ^ (CRC[(crc >> 8) ^ byte] ?? 0);
  return crc % 16_384;
}
