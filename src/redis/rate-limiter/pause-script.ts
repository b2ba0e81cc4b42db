import { Script } from "../store/script.js";
import { BUCKET, SERVER_TIME } from "./bucket-lua.js";

/**
 * Admits nobody from this bucket for a time; tokens go on flowing in. A shorter pause does not end a longer one, nor a
 * shorter block.
 *
 * - KEYS: one bucket. A decision of several tiers is paused by any of them.
 * - ARGV: whole microseconds, above 0 and up to 2⁵²; 1 for a block, 0 for a pause that requests may wait for.
 * - Reply: the microseconds that the pause lasts from now.
 */
export const PAUSE: Script = new Script(`${SERVER_TIME}
${BUCKET}
local wanted = tonumber(ARGV[1])
local left, f, D, B, back, _, pause, length, block, blocked = load(KEYS[1])
if not left then error(f) end
if wanted > pause then pause, length = wanted, wanted end
if ARGV[2] == '1' and wanted > block then block, blocked = wanted, wanted end
store(KEYS[1], left, f, D, B, back, pause, length, block, blocked)
return pause
`);
