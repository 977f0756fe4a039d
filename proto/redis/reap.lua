-- reap: housekeeping, once in a while by any dispatcher.
--
-- Promises: closes batches that nobody uploads to; forgets dispatchers that are gone for an hour with nothing pending
-- (DELCONSUMER drops what is pending, so never one that has something); caps the dead set by count and age; takes a job
-- whose time is over off its owner's list; names
-- blobs that may go, to nobody else for half a minute, and takes them off the list only when the caller says they are gone. What the caller could
-- not remove is due again in an hour, so that others are not kept waiting behind it.
-- ARGV: idle_ms of open batches, most dead tasks, their age ms, types joined by spaces, most blobs to name, then members of `sweep` that are
-- done, or with " later" behind them could not be.
-- Answers {due members of sweep}.
local idle, dead_max, dead_age, type_names, most = num(ARGV[1]), num(ARGV[2]), num(ARGV[3]), ARGV[4], ARGV[5]
local HOUR_MS = 3600000
local NAMED_MS = 30000

for i = 6, #ARGV do
    local id, what, later = string.match(ARGV[i], '^(%S+) (%S+)( ?%S*)$')
    if id and later ~= '' then
        local member = id .. ' ' .. what
        local due_at = call('ZSCORE', P .. 'sweep', member)
        if due_at and num(due_at) <= NOW + NAMED_MS then -- else it was run again meanwhile and has another time
            call('ZREM', P .. 'sweep', member)
            call('ZADD', P .. 'sweep', int(NOW + HOUR_MS), member)
        end
    elseif call('ZREM', P .. 'sweep', ARGV[i]) == 1 and id then
        local job = load_job(id) -- it outlives its blobs by an hour
        if job.exists then
            put(job, 'up', 'gone')
            job.known.up = 'gone'
        end
        if job.exists and what == 'all' then call('ZREM', P .. 'owned:' .. job.s[OWNER], id) end
    end
end

for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'opens', '-inf', int(NOW - idle), 'LIMIT', 0, 100)) do
    call('ZREM', P .. 'opens', id)
    local batch = load_batch(id)
    if batch.exists and batch.s[SEALED] == '0' then
        batch.s[SEALED], batch.changed = '1', true
    end
end

local old = call('ZRANGEBYSCORE', P .. 'dead', '-inf', int(NOW - dead_age), 'LIMIT', 0, 500)
local over = call('ZCARD', P .. 'dead') - #old - dead_max
if over > 0 then
    for _, member in ipairs(call('ZRANGE', P .. 'dead', #old, #old + math.min(over, 500) - 1)) do old[#old + 1] = member end
end
for _, member in ipairs(old) do
    call('ZREM', P .. 'dead', member)
    call('HDEL', P .. 'deadwhy', member)
end

for name in gmatch(type_names, '%S+') do
    local key = of_type(name).key
    local consumers = pcall('XINFO', 'CONSUMERS', key, GROUP)
    if not consumers.err then
        for _, flat in ipairs(consumers) do
            local c = {}
            for i = 1, #flat, 2 do c[flat[i]] = flat[i + 1] end
            if c.name ~= RETURNED and c.pending == 0 and c.idle > HOUR_MS and call('EXISTS', 'sheaf:dispatcher:' .. c.name) == 0 then
                call('XGROUP', 'DELCONSUMER', key, GROUP, c.name)
            end
        end
    end
end
-- What is named here goes at any moment from now on, and a job that is run again meanwhile must not count on it. It is not named to others
-- before the caller would be through with it (dispatcher/sweeper.c), so that several share the work.
local due = call('ZRANGEBYSCORE', P .. 'sweep', '-inf', NOW_TEXT, 'LIMIT', 0, most)
call('ZREM', P .. 'sweep', '') -- a first write that full memory does not refuse
for _, member in ipairs(due) do
    call('ZADD', P .. 'sweep', 'XX', int(NOW + NAMED_MS), member)
    local id, what = match(member, '^(%S*) ?(%S*)')
    local job, all = load_job(id), what == 'all'
    if job.exists and (all or get(job, 'up') == '') then put(job, 'up', 'going') end
    if job.exists and all then put(job, 'over', '1') end
end
finish()
return due
