-- reclaim: what is pending and renewed by nobody goes to `returned`, whoever owns it, alive or not.
--
-- Promises: a take whose answer was lost, a dead dispatcher, a frozen one: all end here within a lease.  A gone
-- liveness key only shortens the wait.  Spends no attempt and no loss, and none of the job's time since it was renewed last.
-- ARGV: dispatcher, lease_ms, mode, then
--   mode idle: types.  mode gone: types, but only what dispatchers hold that are gone (Redis came back a moment ago, so that
--   idle times include its outage).  mode mine (after a reconnect): per type: type, known entries separated by spaces; what is pending
--   under the caller's name and not known is returned at once.
-- Answers how many were returned.
local me, lease, mode, returned = ARGV[1], num(ARGV[2]), ARGV[3], 0
local GONE_MS, PAGE = 2000, 200
local alive = {}

local function is_alive(name)
    if alive[name] == nil then alive[name] = call('EXISTS', 'sheaf:dispatcher:' .. name) == 1 end
    return alive[name]
end

local function hand_back(type, entry, idle, min_idle)
    if #call('XCLAIM', type.key, GROUP, RETURNED, int(min_idle), entry, 'JUSTID') == 0 then return end
    call('RPUSH', P .. 'returned:' .. type.name, entry)
    type.woken = true
    returned = returned + 1
    local task = entry_task(type, entry)
    if task and not AFTER_END[type.name] then
        local job = load_job(task.job)
        if live(job.s, task.run) then landed(job, idle) end
    end
end

-- All rows that XPENDING has for us, page by page: what waits long in `returned` must not hide what lies behind it.
local function each_pending(type, query, see)
    local from = '-'
    while from do
        local rows = pcall('XPENDING', type.key, GROUP, unpack(query(from)))
        if rows.err then return end
        for _, row in ipairs(rows) do see(row[1], row[2], row[3]) end
        from = #rows == PAGE and '(' .. rows[#rows][1] or nil
    end
end

-- Whether an entry stands in `returned`. The list is read once: LPOS for each of thousands that wait for a worker kept Redis for a second and more.
local function in_returned(type)
    local listed
    return function(entry)
        if not listed then
            listed = {}
            for _, one in ipairs(call('LRANGE', type.returned_key, 0, -1)) do listed[one] = true end
        end
        return listed[entry]
    end
end

local function idle_ones(type)
    local soon, is_listed = math.min(lease, GONE_MS), in_returned(type)
    local function see(entry, consumer, idle)
        if consumer == RETURNED then
            -- The list is served first, so a long wait means that its own entry was lost, or that no worker has room.
            if idle >= lease and not is_listed(entry) then
                call('RPUSH', P .. 'returned:' .. type.name, entry)
                type.woken = true
            end
        elseif idle >= lease and mode == 'idle' then
            hand_back(type, entry, idle, lease)
        elseif not is_alive(consumer) then
            hand_back(type, entry, idle, soon)
        end
    end
    each_pending(type, function(from) return {'IDLE', int(soon), from, '+', PAGE} end, see)
end

local function mine(type, known_text)
    local known = {}
    for entry in string.gmatch(known_text, '%S+') do known[entry] = true end
    each_pending(type, function(from) return {from, '+', PAGE, me} end, function(entry, _, idle)
        if not known[entry] then hand_back(type, entry, idle, 0) end
    end)
end

if mode == 'mine' then
    for i = 4, #ARGV, 2 do mine(of_type(ARGV[i]), ARGV[i + 1]) end
else
    for i = 4, #ARGV do idle_ones(of_type(ARGV[i])) end
end
finish()
return returned
