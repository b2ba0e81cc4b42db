/**
 * The server's time in microseconds. A test that must say what time it is puts `local now = tonumber(ARGV[#ARGV])` in its
 * place, so that what runs is this script and no other.
 */
export const SERVER_TIME = `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

/**
 * How a bucket is stored: `"<full>[+<f>/<D>] <B>[~<back>][!<end> <length>[#<end> <length>]]"`, all in whole microseconds.
 *
 * - `full`, and f/D: when it will be full, on the server's clock;
 * - `B`: how long an empty one took to fill for whoever wrote it;
 * - `back`: how much later that would be, had nothing been given back;
 * - `end` and `length` of a pause, and of a block, which is a pause that nobody waits for.
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

-- What is left of a pause or a block.
local function rest(stop, length)
  local left = max(0, stop - now)
  if left > length then return length, true end
  return left, false
end

local function load(key)
  local left, f, D, B, back, changed, pause, length, block, blocked = 0, 0, 1, 0, 0, false, 0, 0, 0, 0
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then return nil, value.err end
  if value then
    local full, over, under, fill, given, held = match(value, '^(%d+)%+?(%d*)/?(%d*) (%d+)~?(%d*)(.*)$')
    if not full then return nil, 'no bucket under ' .. key end
    left, B = full - now, tonumber(fill)
    if over ~= '' then f, D = tonumber(over), tonumber(under) end
    if given ~= '' then back = tonumber(given) end
    if left < 0 then
      left, f, back = 0, 0, max(0, left + back)
    elseif left > B + 1 then
      left, f, back, changed = B, 0, 0, true
    end
    if held ~= '' then
      local stop, lasts, more = match(held, '^!(%d+) (%d+)(.*)$')
      local last, lasting = match(more or '', '^#(%d+) (%d+)$')
      if not stop or (more ~= '' and not last) then return nil, 'no bucket under ' .. key end
      local anew
      length = tonumber(lasts)
      pause, anew = rest(stop, length)
      changed = changed or anew
      if last then
        blocked = tonumber(lasting)
        block, anew = rest(last, blocked)
        changed = changed or anew
      end
    end
  end
  return left, f, D, B, back, changed, pause, length, block, blocked
end

local function store(key, left, f, D, B, back, pause, length, block, blocked)
  local full = now + left
  local value
  if f > 0 then
    value = format('%.0f+%.0f/%.0f %.0f', full, f, D, B)
  else
    value = format('%.0f %.0f', full, B)
  end
  if back > 0 then value = value .. format('~%.0f', back) end
  -- A block is never longer than the pause.
  if pause > 0 then value = value .. format('!%.0f %.0f', now + pause, length) end
  if block > 0 then value = value .. format('#%.0f %.0f', now + block, blocked) end
  local last = max(full + back, now + pause)
  local expires = format('%.0f', floor(last / 1000) + 1)
  if redis.pcall('SET', key, value, 'PXAT', expires).err then
    -- A server before 6.2 has no PXAT. By a relative time the key never expires before, and at most 2 ms later. Anything
    -- else fails once more.
    call('SET', key, value, 'PX', format('%.0f', floor((last - now) / 1000) + 2))
  end
end

-- Rounds the rest of a time that was written under other limits: up, never down.
local function inSteps(D, left, f, under)
  if f > 0 and under ~= D then return left + 1, 0 end
  return left, f
end
`;
