/** The time of the server in microseconds; a test puts a number of its own in its place. */
const SERVER_TIME = `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

/**
 * One circuit of many instances: `machine.ts` of the circuit breaker in Lua, where a transition is atomic. The same trace
 * gives the same states; only the lease of a probe, which ends when its process is gone, is more.
 *
 * `KEYS[1]`: a hash; none is a closed circuit with nothing counted. Times are the server's, in microseconds.
 *
 * - `s` state, `e` era (when it began), `q` number of the last change, `w` reason of the last transition
 * - `f` failures, `u` open until, `r` reopenings
 * - `k` successes, `x` failures of the half-open era; `l` late successes
 * - `p:<id>` a probe: `"<end of its lease> <deadline>"`; `o:<id>` one that is overdue or was given up: `"<deadline>"`
 * - `t` when it was last written: a later time than now says that the clock was set back, by as much at least
 * - `i:<instance>` has seen failures; no more of them than the quorum
 *
 * `ARGV`: operation, era known to the caller, the settings (`maxFailures`, `initial`, `factor`, `max` and `scale` of the
 * reset timeout, calls and failures of half-open, `probeTimeout`, `lease`, `quorum`), instance, then those of the operation.
 *
 * Reply: state, era, change, microseconds until asking makes sense, failures, reopenings, reason, result of the operation,
 * whether it has opened the circuit, the server's time, and the channel of the changes.
 */
export const circuitLua = (time: string = SERVER_TIME): string => `${time}
local op, era, instance = ARGV[1], tonumber(ARGV[2]), ARGV[13]
local maxFailures, initial, factor, max, scale = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local calls, lost, probeTimeout, lease, quorum = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local DAY, MOST_OVERDUE = 86400000000, 64
local function text(number) return string.format('%.0f', number) end

local h, probes, overdue, seen, n, instances = {}, {}, {}, {}, 0, 0
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  local kind, id, value = string.sub(flat[i], 1, 2), string.sub(flat[i], 3), flat[i + 1]
  if kind == 'p:' then
    local l, d = string.match(value, '^(%d+) (%d+)$')
    if l then probes[id] = { lease = tonumber(l), deadline = tonumber(d) }; n = n + 1 end
  elseif kind == 'o:' then overdue[id] = tonumber(value)
  elseif kind == 'i:' then seen[id] = true; instances = instances + 1
  else h[flat[i]] = value end
end
local function number(name) return tonumber(h[name]) or 0 end
local s, w, e, q = h.s or 'closed', h.w or 'reset', number('e'), number('q')
local f, u, r, k, x, l = number('f'), number('u'), number('r'), number('k'), number('x'), number('l')
local changed, told, opened, result = false, false, 0, 0

-- The clock was set back: what was to come in a while still is.
local ahead = number('t') - now
if ahead > 0 then
  u, changed = math.max(0, u - ahead), true
  for _, p in pairs(probes) do p.lease, p.deadline = p.lease - ahead, p.deadline - ahead end
end

local function become(state, reason)
  s, w, e = state, reason, math.max(e + 1, now)
  probes, n, k, x = {}, 0, 0, 0
  changed, told = true, true
  if state == 'closed' then f, u, r, l, overdue, seen, instances = 0, 0, 0, 0, {}, {}, 0 end
end
local function open(at, failures, reason)
  if s == 'closed' then r = 0 else r = r + 1 end
  if reason == 'probe-timeout' then
    -- A success of a probe that took too long still shows that the service has recovered.
    for id, p in pairs(probes) do overdue[id] = p.deadline end
  else
    overdue, l = {}, 0
  end
  f, opened = failures, 1
  u = at + math.floor(math.min(max, initial * factor ^ r) * scale)
  become('open', reason)
end

-- What time alone has caused, in its order.
while true do
  if s == 'open' and now >= u then
    become('half-open', 'reset-timeout')
  elseif s == 'half-open' then
    local first, at
    for id, p in pairs(probes) do
      local ends = math.min(p.lease, p.deadline)
      if ends <= now and (not at or ends < at) then first, at = id, ends end
    end
    if not first then break end
    local p = probes[first]
    probes[first], n, overdue[first], changed, told = nil, n - 1, p.deadline, true, true
    -- A lease that has ended says that the prober is gone, and nothing about the service.
    if p.deadline <= p.lease then
      f, x = f + 1, x + 1
      if x >= lost then open(p.deadline, f, 'probe-timeout') end
    end
  else
    break
  end
end

local function unlessRecovered()
  if (s == 'open' and l or k + l) >= calls - lost + 1 then become('closed', 'recovered') end
end
if op == 'count' and s == 'closed' then
  -- Known to be closed since then: the store has lost it.
  if era > e then e = era end
  if era == e then
    local before, failures = f, tonumber(ARGV[15])
    if ARGV[14] == '1' then f, seen, instances = 0, {}, 0 end
    f, changed = f + failures, true
    if failures > 0 and not seen[instance] and instances < quorum then
      seen[instance], instances = true, instances + 1
    end
    if failures > 0 and f >= maxFailures and instances >= quorum then
      open(now, f, 'tripped')
    elseif (f == 0) ~= (before == 0) then
      told = true
    end
  end
elseif op == 'trip' and s == 'closed' and era >= e then
  open(now, tonumber(ARGV[14]), 'tripped')
elseif op == 'admit' and s == 'half-open' then
  local first, wanted = tonumber(ARGV[14]), tonumber(ARGV[15])
  while result < wanted do
    local id = instance .. '.' .. text(first + result)
    -- A client sends a question again whose answer was lost with the connection.
    if not probes[id] then
      if n + k + x + l >= calls then break end
      probes[id] = { lease = now + lease, deadline = now + probeTimeout }
      n, changed = n + 1, true
    end
    result = result + 1
  end
elseif op == 'join' then
  changed = true -- shows that the store can be written to
elseif op == 'renew' then
  for i = 14, #ARGV do
    local p = probes[ARGV[i]]
    if p then p.lease, result, changed = now + lease, result + 1, true end
  end
elseif op == 'settle' and s ~= 'closed' then
  for i = 15, #ARGV do
    local id, verdict = ARGV[i], ARGV[14]
    if probes[id] then
      probes[id], n, changed, told = nil, n - 1, true, true
      if verdict == 'failure' then
        f, x = f + 1, x + 1
        if x >= lost then open(now, f, 'probe-failed') end
      elseif verdict == 'success' then
        k = k + 1
        unlessRecovered()
      end
    elseif overdue[id] then
      overdue[id], changed = nil, true
      if verdict == 'success' then l = l + 1; unlessRecovered() end
    end
  end
elseif op == 'put' or (op == 'tell' and era > e) then
  become('closed', ARGV[18])
  if ARGV[14] == 'open' then s, u, r = 'open', now + tonumber(ARGV[15]), tonumber(ARGV[17]) end
  f, result = tonumber(ARGV[16]), 1
  if op == 'tell' then e = era end
elseif op == 'extend' and s == 'open' and era == e then
  u, changed, told = u - math.floor(math.min(max, initial * factor ^ r) * scale) + tonumber(ARGV[14]), true, true
end

local wait = 0
if s == 'open' then
  wait = math.max(0, u - now)
elseif s == 'half-open' and n + k + x + l >= calls then
  for _, p in pairs(probes) do
    local left = math.min(p.lease, p.deadline) - now
    if wait == 0 or left < wait then wait = left end
  end
end
local channel = KEYS[1] .. ':changes' -- a client's prefix changes keys, but no channels: only the server knows both
if changed then
  q = math.max(q + 1, now)
  local put = { 's', s, 'w', w, 'e', text(e), 'q', text(q), 'f', text(f), 'u', text(u), 'r', text(r), 'k', text(k), 'x', text(x), 'l', text(l), 't', text(now) }
  local function add(name, value) put[#put + 1] = name; put[#put + 1] = value end
  for id, p in pairs(probes) do add('p:' .. id, text(p.lease) .. ' ' .. text(p.deadline)) end
  for id in pairs(seen) do add('i:' .. id, '1') end
  local late = {}
  for id, deadline in pairs(overdue) do late[#late + 1] = { id, deadline } end
  table.sort(late, function(one, other) return one[2] > other[2] end)
  for i = 1, math.min(#late, MOST_OVERDUE) do add('o:' .. late[i][1], text(late[i][2])) end
  local kept = text(math.ceil((math.max(u - now, probeTimeout) + DAY) / 1000))
  redis.call('PEXPIRE', KEYS[1], kept) -- who may not fails before anything is written
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], unpack(put))
  redis.call('PEXPIRE', KEYS[1], kept)
  if told then
    local words = { '1 state', s, text(e), text(q), text(wait), text(f), text(r), w }
    -- Without the right to publish, others learn of it with the next answer.
    redis.pcall('PUBLISH', channel, table.concat(words, ' '))
  end
end
return { s, e, q, wait, f, r, w, result, opened, now, channel }
`;
