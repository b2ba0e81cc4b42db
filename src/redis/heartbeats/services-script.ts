import { Script } from "../store/script.js";

/**
 * Notes that a service has beaten, if one is given, and reads which have.
 *
 * KEYS: the services (a sorted set by the server's milliseconds of when they are forgotten). ARGV: nothing, or the service
 * and for how long it is kept (ms).
 * Reply: the names.
 */
export const SERVICES: Script = new Script(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2]) -- who may not fails before anything is written
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
  local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', last - now))
  return {}
end
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')
`);
