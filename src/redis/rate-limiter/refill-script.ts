import { Script } from "../store/script.js";
import { BUCKET, SERVER_TIME } from "./bucket-lua.js";

/**
 * Gives tokens to buckets, up to full ones, whoever took them; or fills them, and ends what pauses and blocks them.
 *
 * What it gives counts as given back: a reservation that was made before cannot give it once more.
 *
 * - KEYS: buckets, all in one slot of a cluster.
 * - ARGV: 1 to fill them, or else 0 and of each bucket the time in which the tokens flow in, as an {@link ExactLimits}
 *   tells what is `given`: whole microseconds, a rest of 1/D, and D.
 * - Reply: how many buckets were there to be changed. All of them, or where one is no bucket, none.
 */
export const REFILL: Script = new Script(`${SERVER_TIME}
${BUCKET}
local isReset = ARGV[1] == '1'
local buckets = {}
for i = 1, #KEYS do
  local bucket = { load(KEYS[i]) }
  if not bucket[1] then error(bucket[2]) end
  buckets[i] = bucket
end
local there = 0
for i = 1, #KEYS do
  local left, f, D, B, back, changed, pause, length, block, blocked = unpack(buckets[i])
  if left > 0 or f > 0 or changed or (isReset and pause > 0) then
    local before = left
    if isReset then
      left, f, pause, block = 0, 0, 0, 0
    else
      local at = i * 3 - 1
      local steps = tonumber(ARGV[at + 2])
      left, f = inSteps(steps, left, f, D)
      left, f, D = left - ARGV[at], f - ARGV[at + 1], steps
      if f < 0 then left, f = left - 1, f + D end
      if left < 0 then left, f = 0, 0 end
    end
    store(KEYS[i], left, f, D, B, min(MOST_BACK, back + before - left), pause, length, block, blocked)
    there = there + 1
  end
end
return there
`);
