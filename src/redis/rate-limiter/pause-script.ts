import { Script } from "../store/script.js";
import { BUCKET, SERVER_TIME } from "./bucket-lua.js";

/**
 * Admits nobody from this bucket for a time; tokens go on flowing in. A shorter pause does not end a longer one.
 *
 * - KEYS: one bucket. A decision of several tiers is paused by any of them.
 * - ARGV: whole microseconds, up to 2⁵²; 0 ends a pause.
 * - Reply: the microseconds that the pause lasts from now.
 */
export const PAUSE: Script = new Script(`${SERVER_TIME}
${BUCKET}
local wanted = tonumber(ARGV[1])
local left, f, D, B, back, pause, length = load(KEYS[1])
if not left then error(f) end
if wanted > pause then pause, length = wanted, wanted end
if wanted == 0 then pause = 0 end
store(KEYS[1], left, f, D, B, back, pause, length)
return pause
`);
