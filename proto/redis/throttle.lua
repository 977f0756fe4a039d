-- throttle: when a provider may be called, agreed upon by all replicas of all services.
--
-- Promises: nobody is told to go while the provider is paused (it asked for that, or its breaker is open), nor faster than
-- the rates allow; a pause is never shortened, unless Redis's clock is set back, which ends it; after a breaker's pause one call goes first and
-- the others wait for what becomes of it.  Stands alone, without common.lua: its one key is KEYS[1] = sheaf:throttle:<provider>, of no shard.
-- ARGV: what happened, and
--   admit  <ms a first call may take> [<per minute> <burst> <cost>]…    may a call go out?
--   done                          it was answered, be it with a refusal: the breaker closes
--   fail   <types> <why>          it was not answered, or with a fault of the provider's own
--   pause  <ms> <types> <why>     the provider asked to wait
--   drop                          nothing was learned: the call was broken off by us
--   look
-- Answers {ms to wait (0: go), 1 when paused, why, how often in a row the breaker opened (0: it is closed)}.
local KEY, WHAT = KEYS[1], ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local FAILS_MOST = 5                               -- unanswered calls in a row that open the breaker
local OPEN_FIRST_MS, OPEN_MOST_MS = 5000, 60000    -- doubled each time the first call after it fails again
local PROBE_AGAIN_MS = 500                         -- how often the others ask meanwhile
local KEEP_MS = 600000
local SET_BACK_MS = 1000                           -- a clock that is so much behind what it said was set back

local function whole(n) return string.format('%.0f', n) end
local state = {}
for i, name in ipairs({'until', 'why', 'types', 'fails', 'opened', 'probe', 'seen'}) do
    state[name] = redis.call('HGET', KEY, name) or ''
end
local function of(name) return tonumber(state[name]) or 0 end
local function set(name, value)
    state[name] = tostring(value)
    redis.call('HSET', KEY, name, state[name])
end
local function keep()
    redis.call('HSET', KEY, 'seen', whole(now))
    redis.call('PEXPIRE', KEY, whole(math.max(KEEP_MS, of('until') - now + KEEP_MS)))
end
local function paused_for() return math.max(0, of('until') - now) end

-- After a failover or a step of its clock all moments that were noted lie too far ahead, and would hold everybody for as long as the step was.
if of('seen') - now > SET_BACK_MS then
    redis.call('HDEL', KEY, 'until', 'probe', 'seen', 'at3', 'held3', 'at6', 'held6')
    state['until'], state.probe = '', ''
end

local function pause(ms, types, why)
    if now + ms >= of('until') then
        set('until', whole(now + ms))
        set('why', why)
        set('types', types)
    end
    redis.call('HDEL', KEY, 'probe')
    keep()
end

-- A bucket is full at first, and holds at most `burst`. What it lacks is told in ms.
local function fill(i, rate, burst)
    local held, at = unpack(redis.call('HMGET', KEY, 'held' .. i, 'at' .. i))
    held = math.min(burst, (tonumber(held) or burst) + (now - (tonumber(at) or now)) * rate / 60000)
    return held
end

local function admit()
    if paused_for() > 0 then return paused_for(), 1 end
    local half_open = of('opened') > 0
    if half_open and of('probe') > now then return math.min(PROBE_AGAIN_MS, of('probe') - now), 1 end
    local left = {}
    for i = 3, #ARGV, 3 do
        local rate, burst = tonumber(ARGV[i]), math.max(1, tonumber(ARGV[i + 1]))
        local cost = math.min(burst, tonumber(ARGV[i + 2]))
        local held = fill(i, rate, burst)
        if held < cost then return math.ceil((cost - held) * 60000 / rate), 0 end
        left[#left + 1] = {i, held - cost}
    end
    for _, bucket in ipairs(left) do
        redis.call('HSET', KEY, 'held' .. bucket[1], string.format('%.6f', bucket[2]), 'at' .. bucket[1], whole(now))
    end
    if half_open then set('probe', whole(now + ARGV[2])) end
    if half_open or #left > 0 then keep() end
    return 0, 0
end

local function fail(types, why)
    if paused_for() > 0 then return end -- a call from before the pause: it says nothing new
    if of('opened') == 0 and of('fails') + 1 < FAILS_MOST then
        set('fails', of('fails') + 1)
        keep()
        return
    end
    set('opened', of('opened') + 1)
    set('fails', 0)
    pause(math.min(OPEN_MOST_MS, OPEN_FIRST_MS * 2 ^ (of('opened') - 1)), types, why)
end

if WHAT == 'admit' then
    local ms, paused = admit()
    return {ms, paused, paused == 1 and state.why or '', of('opened')}
elseif WHAT == 'done' then
    redis.call('HDEL', KEY, 'fails', 'opened', 'probe')
    state.opened = ''
elseif WHAT == 'drop' then
    redis.call('HDEL', KEY, 'probe')
elseif WHAT == 'fail' then
    fail(ARGV[2], ARGV[3])
elseif WHAT == 'pause' then
    redis.call('HDEL', KEY, 'fails', 'opened')
    state.opened = ''
    pause(tonumber(ARGV[2]), ARGV[3], ARGV[4])
elseif WHAT ~= 'look' then
    return redis.error_reply('ERR throttle: ' .. tostring(WHAT) .. ' is not known')
end
return {paused_for(), paused_for() > 0 and 1 or 0, state.why, of('opened')}
