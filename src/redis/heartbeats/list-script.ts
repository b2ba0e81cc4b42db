import { Script } from "../store/script.js";

/**
 * Reads the instances of a service.
 *
 * KEYS: as of the beat. ARGV: from which time on they must have beaten (the server's ms, or "-inf"); or "" and the name
 * of one instance.
 * Reply: the server's time in milliseconds, how many instances there are, the channel of changes as this server knows it
 * (a client may put a prefix before keys), then name, time of the last beat and state of each.
 */
export const LIST: Script = new Script(`
local t = redis.call('TIME')
local found
if ARGV[1] == '' then
  local at = redis.call('ZSCORE', KEYS[1], ARGV[2])
  found = at and { ARGV[2], at } or {}
else
  found = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf', 'WITHSCORES')
end
local reply = { t[1] * 1000 + math.floor(t[2] / 1000), redis.call('ZCARD', KEYS[1]), KEYS[1] .. ':changes' }
-- The stack of a script has room for some thousands.
for from = 1, #found, 1000 do
  local names = {}
  for i = from, math.min(from + 998, #found - 1), 2 do names[#names + 1] = found[i] end
  local states = redis.call('HMGET', KEYS[2], unpack(names))
  for i, name in ipairs(names) do
    reply[#reply + 1] = name
    reply[#reply + 1] = tonumber(found[from + i * 2 - 1])
    reply[#reply + 1] = states[i]
  end
end
return reply
`);
