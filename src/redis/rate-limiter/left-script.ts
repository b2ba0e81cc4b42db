import { Script } from "../store/script.js";
import { BUCKET, SERVER_TIME } from "./bucket-lua.js";

/**
 * Tells what is missing in buckets; writes nothing.
 *
 * - KEYS: buckets, all in one slot of a cluster.
 * - Reply: of each bucket the time in which it will be full: whole microseconds, a rest of 1/D, and D.
 */
export const LEFT: Script = new Script(`${SERVER_TIME}
${BUCKET}
local reply = {}
for i = 1, #KEYS do
  local left, f, D = load(KEYS[i])
  if not left then error(f) end
  reply[i * 3 - 2], reply[i * 3 - 1], reply[i * 3] = left, f, D
end
return reply
`);
