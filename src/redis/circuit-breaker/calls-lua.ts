/**
 * The calls of all instances for the windows of a trip rule, counted while something fails. Times are the server's, in
 * microseconds; a call belongs to the bucket of the time at which it settled there.
 *
 * `KEYS[1]`: the hash of the circuit, for the name of the channel alone. `KEYS[2]`: a hash.
 *
 * - `e` era of the closed circuit, `t` when it was last written, `m` the last bad call, `g` since when calls fail
 * - `<rule>:<bucket>` `"<calls> <bad calls>"`; `i:<instance>` its last bad call, of no more instances than the quorum
 *
 * `ARGV`: era, instance, quorum, the time between two pushes, number of rules; of each rule the width and the number of its
 * buckets; then of each bucket pushed its rule, its age, its calls and its bad calls.
 *
 * Reply: microseconds for which calls still count as failing, 1 when all instances have had the time to push what they had,
 * the number of instances that have seen failures, and of each rule its calls and its bad calls.
 */
export const callsLua = `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local era, instance, quorum, period, rules = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local function text(number) return string.format('%.0f', number) end
local width, buckets, calls, bad, longest = {}, {}, {}, {}, 0
for rule = 1, rules do
  width[rule], buckets[rule] = tonumber(ARGV[4 + 2 * rule]), tonumber(ARGV[5 + 2 * rule])
  calls[rule], bad[rule] = 0, 0
  longest = math.max(longest, width[rule] * buckets[rule])
end
local h, flat = {}, redis.call('HGETALL', KEYS[2])
for i = 1, #flat, 2 do h[flat[i]] = flat[i + 1] end
local stored = tonumber(h.e) or 0
local reply = { 0, 0, 0 }
if stored <= era then
  local kept = text(math.ceil((longest + 60000000) / 1000))
  redis.call('PEXPIRE', KEYS[2], kept) -- who may not fails before anything is written
  -- Calls of times that are yet to come, as the clock was set back, would count until then.
  if stored < era or (tonumber(h.t) or 0) > now then
    redis.call('DEL', KEYS[2])
    h = {}
  end
  local last, since = tonumber(h.m) or 0, tonumber(h.g) or now
  local wasFailing = last > 0 and now - last < longest
  local put, gone, isBad = { 'e', text(era), 't', text(now) }, {}, false
  local changed = {}
  for i = 6 + 2 * rules, #ARGV, 4 do
    local rule, at = tonumber(ARGV[i]), now - tonumber(ARGV[i + 1])
    local name = rule .. ':' .. text(math.floor(at / width[rule]))
    local total, failed = string.match(h[name] or '0 0', '^(%d+) (%d+)$')
    h[name] = text((total or 0) + ARGV[i + 2]) .. ' ' .. text((failed or 0) + ARGV[i + 3])
    changed[name] = true
    if tonumber(ARGV[i + 3]) > 0 then isBad, last = true, math.max(last, at) end
  end
  if isBad then
    if not wasFailing then
      since = now
      redis.pcall('PUBLISH', KEYS[1] .. ':changes', '1 failing')
    end
    h['i:' .. instance] = text(now)
  end
  local seen = 0
  for name, value in pairs(h) do
    local rule, bucket = string.match(name, '^(%d+):(%d+)$')
    rule = tonumber(rule)
    if rule and rule <= rules then
      if tonumber(bucket) <= math.floor(now / width[rule]) - buckets[rule] then
        gone[#gone + 1] = name
      else
        local total, failed = string.match(value, '^(%d+) (%d+)$')
        calls[rule], bad[rule] = calls[rule] + (total or 0), bad[rule] + (failed or 0)
        if changed[name] then put[#put + 1] = name; put[#put + 1] = value end
      end
    elseif string.sub(name, 1, 2) == 'i:' then
      if now - (tonumber(value) or 0) >= longest then gone[#gone + 1] = name else seen = seen + 1 end
    end
  end
  if isBad and seen <= quorum then
    put[#put + 1] = 'i:' .. instance
    put[#put + 1] = text(now)
  end
  put[#put + 1] = 'm'; put[#put + 1] = text(last)
  put[#put + 1] = 'g'; put[#put + 1] = text(since)
  for i = 1, #gone, 1000 do redis.call('HDEL', KEYS[2], unpack(gone, i, math.min(#gone, i + 999))) end
  redis.call('HSET', KEYS[2], unpack(put))
  redis.call('PEXPIRE', KEYS[2], kept)
  reply = { last > 0 and math.max(0, last + longest - now) or 0, now - since >= period and 1 or 0, seen }
end
for rule = 1, rules do
  reply[#reply + 1] = calls[rule]
  reply[#reply + 1] = bad[rule]
end
return reply
`;
