import { Script } from "../store/script.js";
import { BUCKET, SERVER_TIME } from "./bucket-lua.js";

/**
 * Gives back what a request took, as far as the bound on every window allows it: for replies that came too late, unused
 * leases, and reservations that used less.
 *
 * What can come back is what is missing now, less all that was taken since: the bucket could not have held more.
 *
 * - KEYS: the buckets that it was taken from, one for each tier.
 * - ARGV: of each bucket the time in which it flows in, as {@link ExactCost} tells what was `taken`, and the mark that the
 *   take script replied. One grant can be given back in several parts.
 * - Reply: the whole microseconds that each bucket got back, from 0.
 */
export const GIVE_BACK: Script = new Script(`${SERVER_TIME}
${BUCKET}
local reply = {}
for i = 1, #KEYS do
  local left, f, D, B, back, _, pause, length, block, blocked = load(KEYS[i])
  if not left then error(f) end
  local since = now + left + back - ARGV[i * 2]
  local given = min(tonumber(ARGV[i * 2 - 1]), left - since, MOST_BACK - back)
  -- The mark says nothing of fractions.
  if f > 0 then given = given - 1 end
  -- Less than nothing was taken since: the clock was set back.
  if since < 0 or given <= 0 then
    reply[i] = 0
  else
    store(KEYS[i], left - given, f, D, B, back + given, pause, length, block, blocked)
    reply[i] = given
  end
end
return reply
`);
