import { Script } from "../store/script.js";
import { BUCKET, SERVER_TIME } from "./bucket-lua.js";

/**
 * Takes up to n equal requests for each of several decisions under the same limits: k of n in order. A request of a
 * decision with several tiers takes from the buckets of all of them, or from none.
 *
 * - KEYS: of each decision the bucket of each tier. Up to 64 in all; no decision may have a key twice. In a cluster all
 *   have one hash tag. Decisions may share buckets: they are served one after the other.
 * - ARGV: the number of tiers; of each tier the five `args` of an {@link ExactCost}; n of each decision, from 0 to 2²⁸.
 * - Reply, flat, `2 + tiers` whole numbers for each decision: k, or -2 while it is blocked; in how many microseconds one
 *   more request would be granted, if nobody else asks before (0: now); and of each tier a mark of the bucket's state, which
 *   the give-back script needs. Of a decision that meets something else under its key: -1, what is wrong, and zeros.
 *   Others are not concerned; a call about that one alone fails.
 *
 * With n = 0 nothing is taken, and nothing written: it tells the wait, and shows that the server answers for that key.
 *
 * @example
 * ```ts no-check: internal
 * const one = exactLimits({ rate: 10, per: 1000, burst: 10 }).cost(1);
 * // Five requests for one key, three for another:
 * const reply = await store.run(TAKE, ["kstlib:api:a", "kstlib:api:b"], ["1", ...one.args, "5", "3"]);
 * const [granted, wait, mark, grantedB, waitB, markB] = reply as number[];
 * // One request of two tiers:
 * await store.run(TAKE, ["kstlib:{api}:user", "kstlib:{api}:tenant"], ["2", ...user.args, ...tenant.args, "1"]);
 * ```
 */
export const TAKE: Script = new Script(`${SERVER_TIME}
${BUCKET}
-- The time that k requests of c + cf/D take.
local function product(k, c, cf, D)
  local rest = k * cf
  local f = rest % D
  return k * c + (rest - f) / D, f
end

-- How many of n requests fit into what is there, a + af/D.
local function fitting(n, a, af, c, cf, D)
  local w, f = product(n, c, cf, D)
  if w < a or (w == a and f <= af) then return n end
  -- The quotient of doubles may be one off; the integers decide.
  local k = max(0, min(n - 1, floor((a + af / D) / (c + cf / D)) + 1))
  while k > 0 do
    w, f = product(k, c, cf, D)
    if w < a or (w == a and f <= af) then return k end
    k = k - 1
  end
  return 0
end

local tiers = tonumber(ARGV[1])
local function limits(j)
  local at = j * 5 - 3
  return tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
end

-- Of the tier at hand; a single one, which is the usual case, needs no tables.
local c, cf, D, B, Bf = limits(1)
local left, f, under, fill, back, changed, pause, length, block, blocked
local states = {}
local reply = {}
for i = 1, #KEYS / tiers do
  local n = tonumber(ARGV[tiers * 5 + 1 + i])
  local k = n
  local key = (i - 1) * tiers
  local wrong
  local isBlocked = false
  for j = 1, tiers do
    if tiers > 1 then c, cf, D, B, Bf = limits(j) end
    left, f, under, fill, back, changed, pause, length, block, blocked = load(KEYS[key + j])
    if not left then
      wrong = f
      if #KEYS == tiers then error(wrong) end
      break
    end
    left, f = inSteps(D, left, f, under)
    if pause > 0 then
      k, isBlocked = 0, isBlocked or block > 0
    elseif k > 0 then
      local a, af = B - left, Bf - f
      if af < 0 then a, af = a - 1, af + D end
      k = fitting(k, a, af, c, cf, D)
    end
    if tiers > 1 then states[j] = { left, f, fill, back, changed, pause, length, block, blocked } end
  end
  local at = key + 2 * i - 1
  local wait = 0
  for j = 1, tiers do
    if wrong then
      k, wait, reply[at + 1 + j] = -1, wrong, 0
    else
      if tiers > 1 then
        c, cf, D, B, Bf = limits(j)
        left, f, fill, back, changed, pause, length, block, blocked = unpack(states[j])
      end
      if k > 0 then
        local w, rest = product(k, c, cf, D)
        left, f, fill = left + w, f + rest, B
        if f >= D then left, f = left + 1, f - D end
      end
      if k > 0 or changed then store(KEYS[key + j], left, f, D, fill, back, pause, length, block, blocked) end
      wait = max(wait, pause, left + c - B + ceil((f + cf - Bf) / D))
      reply[at + 1 + j] = now + left + back
    end
  end
  if isBlocked and not wrong then k = -2 end
  reply[at], reply[at + 1] = k, wait
end
return reply
`);
