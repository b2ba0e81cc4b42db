import { Script } from "../store/script.js";

/**
 * Writes one beat.
 *
 * KEYS: the last beats (a sorted set by the server's milliseconds), the states (a hash).
 * ARGV: instance, state (JSON), its status, how long it is kept (ms), who writes.
 * Reply: the server's time in milliseconds.
 *
 * Those that have not beaten for as long are forgotten, at most 100 at a time. A process that ends leaves alone what a
 * later one of the same name has written.
 */
export const BEAT: Script = new Script(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local instance, state, status, keep, writer = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local before = redis.call('HGET', KEYS[2], instance)
local was_writer, was_status
if before then was_writer, was_status = string.match(before, '^(%S+) (%S+) ') end
local is_ending = status == 'draining' or status == 'stopped'
if is_ending and was_writer and was_writer ~= writer and was_status ~= 'stopped' then return now end
redis.call('PEXPIRE', KEYS[1], keep) -- who may not fails before anything is written
redis.call('ZADD', KEYS[1], now, instance)
redis.call('HSET', KEYS[2], instance, writer .. ' ' .. status .. ' ' .. state)
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now - keep), 'LIMIT', 0, 100)
if #old > 0 then
  redis.call('ZREM', KEYS[1], unpack(old))
  redis.call('HDEL', KEYS[2], unpack(old))
end
redis.call('PEXPIRE', KEYS[1], keep)
redis.call('PEXPIRE', KEYS[2], keep)
-- Without the right to publish, others learn of it when they look.
if was_status ~= status or was_writer ~= writer then redis.pcall('PUBLISH', KEYS[1] .. ':changes', instance) end
return now
`);
