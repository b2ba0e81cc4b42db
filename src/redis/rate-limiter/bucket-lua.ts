/**
 * The server's time in microseconds. A test that must say what time it is puts `local now = tonumber(ARGV[#ARGV])` in its
 * place, so that what runs is this script and no other.
 */
export const SERVER_TIME = `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

/**
 * How a bucket is stored: `"<full>[+<f>/<D>] <B>[~<back>][!<end> <length>]"`, all in whole microseconds.
 *
 * - `full`, and f/D: when it will be full, on the server's clock;
 * - `B`: how long an empty one took to fill for whoever wrote it;
 * - `back`: how much later that would be, had nothing been given back;
 * - `end` and `length` of a pause.
 *
 * Numbers are compared as what is missing, `left`: differences of times never leave the exact integers, `now + B` does.
 * They are written by `%.0f`, since `tostring` drops digits after the 14th.
 *
 * More than `B` was never missing: if it is, the server's clock was set back. The bucket is then made empty, and that is
 * written down, or it would stay locked until the clock has caught up. It is the writer's `B` that counts: by the reader's,
 * two instances with different limits would reset each other's bucket. A pause that lasts longer than its length likewise
 * begins anew.
 *
 * Of what is no bucket, `load` returns nil and what is wrong.
 *
 * A key expires at an absolute time, which cannot come before the bucket is full. A relative one can, by a millisecond.
 */
export const BUCKET = `local call, format, match = redis.call, string.format, string.match
local min, max, floor, ceil = math.min, math.max, math.floor, math.ceil
-- The most that "back" can be: 36 years, so that times stay exact integers. A key may have been given back more than it
-- holds since it was last full, or nothing would come back to one that is always in use.
local MOST_BACK = 2 ^ 50

local function load(key)
  local left, f, D, B, back, pause, length, changed = 0, 0, 1, 0, 0, 0, 0, false
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then return nil, value.err end
  if value then
    local full, over, under, fill, given, rest = match(value, '^(%d+)%+?(%d*)/?(%d*) (%d+)~?(%d*)(.*)$')
    if not full then return nil, 'no bucket under ' .. key end
    left, B = full - now, tonumber(fill)
    if over ~= '' then f, D = tonumber(over), tonumber(under) end
    if given ~= '' then back = tonumber(given) end
    if left < 0 then
      left, f, back = 0, 0, max(0, left + back)
    elseif left > B + 1 then
      left, f, back, changed = B, 0, 0, true
    end
    if rest ~= '' then
      local stop, lasts = match(rest, '^!(%d+) (%d+)$')
      if not stop then return nil, 'no bucket under ' .. key end
      pause, length = max(0, stop - now), tonumber(lasts)
      if pause > length then pause, changed = length, true end
    end
  end
  return left, f, D, B, back, pause, length, changed
end

local function store(key, left, f, D, B, back, pause, length)
  local full = now + left
  local value
  if f > 0 then
    value = format('%.0f+%.0f/%.0f %.0f', full, f, D, B)
  else
    value = format('%.0f %.0f', full, B)
  end
  if back > 0 then value = value .. format('~%.0f', back) end
  if pause > 0 then value = value .. format('!%.0f %.0f', now + pause, length) end
  local last = max(full + back, now + pause)
  local expires = format('%.0f', floor(last / 1000) + 1)
  if redis.pcall('SET', key, value, 'PXAT', expires).err then
    -- A server before 6.2 has no PXAT. Anything else fails once more.
    call('SET', key, value)
    call('PEXPIREAT', key, expires)
  end
end
`;
