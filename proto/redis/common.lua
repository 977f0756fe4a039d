-- common: what all scripts share; put before each of them by proto/scripts.c.
--
-- Scripts do not roll back, so each keeps to one order: check everything, then write, and let the first
-- write be one that full memory cannot refuse (XACK, XCLAIM, ZREM, DEL); after it nothing fails.
-- What a command costs is mostly that it is one: each redis.call() from Lua is about 2 µs, and each write is put into
-- the append-only file as a command of its own.  So jobs and batches are read once per call into a table, changed
-- there, and written back once at the end by finish(): forty results of one job cost one HSET.  Likewise counters
-- and sorted sets, of which finish() writes what has become of them, once per call and not per task.
local P = KEYS[1]
local call = redis.call
local TIME = call('TIME')
local NOW = TIME[1] * 1000 + math.floor(TIME[2] / 1000)
local GROUP, RETURNED = 'dispatchers', '~returned'
local AFTER_END = {notify = true, render = true} -- types that belong to no job state and no count
local REDELIVERIES_MAX = 20

local format, concat = string.format, table.concat
local function int(n) return format('%d', n) end -- Lua prints large numbers as 1.7e+15; %d takes all 53 bits and is a third of %.0f
local function num(text) return tonumber(text) or 0 end

local function pack_task(job, run, index, attempt, losses, base, since)
    return concat({job, run, index, attempt, losses, base, since}, ' ')
end
-- Total: what is unreadable belongs to no job and is dropped by whoever meets it; words of a later version are passed over.
local function unpack_task(text)
    local job, run, index, attempt, losses, base, since = string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
    if not job then job, run, index = '?', '?', '0' end
    return {job = job, run = run, index = index, attempt = num(attempt), losses = num(losses), base = num(base), since = num(since)}
end

-- What this call announces, sent as one message per channel by finish(), and what it counted.
local events, woken, totals = {}, {}, {}

local function count(what, type)
    local field = what .. ':' .. type
    totals[field] = (totals[field] or 0) + 1
end

-- ---- jobs and batches: read once, written back once ------------------------------------------------

local JOB = {'state', 'owner', 'class', 'batch', 'run', 'seq', 'open', 'fly', 'since', 'busy', 'created', 'msg'}
local BATCH = {'owner', 'jobs', 'queued', 'started', 'finished', 'failed', 'cancelled', 'sealed', 'expected', 'ended', 'seq'}
local homes, order = {}, {}

local function get(home, name)
    local value = home.value[name]
    if value == nil then
        value = not home.fresh and call('HGET', home.key, name) or ''
        home.value[name] = value
    end
    return value
end
local function fetch(home, names) -- many fields with one command
    local missing = {}
    for _, name in ipairs(names) do
        if home.value[name] == nil then missing[#missing + 1] = name end
    end
    if #missing == 0 or home.fresh then return end
    for i, value in ipairs(call('HMGET', home.key, unpack(missing))) do home.value[missing[i]] = value or '' end
end
-- `more`: fields that the caller is going to ask for, read with the same command.
local function load_home(key, fields, more)
    local home = homes[key]
    if home then
        if more then fetch(home, more) end
        return home
    end
    local names, value = fields, {}
    if more then
        names = {unpack(fields)}
        for _, name in ipairs(more) do names[#names + 1] = name end
    end
    local values = redis.pcall('HMGET', key, unpack(names))
    local broken = values.err and true -- no hash: as good as lost, and no reason to fail the others of this call
    if broken then values = {} end
    for i, name in ipairs(names) do value[name] = values[i] or '' end
    home = {key = key, value = value, dirty = {}, exists = values[1] and true or false, fresh = broken}
    homes[key] = home
    order[#order + 1] = home
    return home
end
-- One that is known not to exist yet: nothing of it is read.
local function new_home(key, fields, values)
    local home = {key = key, value = {}, dirty = {}, exists = false, fresh = true}
    for _, name in ipairs(fields) do home.value[name] = '' end
    for name, value in pairs(values) do
        home.value[name] = value
        home.dirty[name] = true
    end
    homes[key] = home
    order[#order + 1] = home
    return home
end
local function set(home, name, value)
    home.value[name] = value
    home.dirty[name] = true
end
local function add(home, name, delta)
    local value = num(get(home, name)) + delta
    set(home, name, int(value))
    return value
end

local function load_job(id, more)
    local job = load_home(P .. 'job:' .. id, JOB, more)
    job.id = id
    return job
end
local function load_batch(id)
    local batch = load_home(P .. 'batch:' .. id, BATCH)
    batch.id = id
    return batch
end
local function new_job(id, values)
    local job = new_home(P .. 'job:' .. id, JOB, values)
    job.id = id
    return job
end
local function live(job, run)
    local state = job.value.state
    return job.value.run == run and (state == 'queued' or state == 'started')
end

-- ---- admission: short streams, fair among owners ---------------------------------------------------

local lens, windows, ring_lens, freed = {}, {}, {}, {}

-- Counters that many tasks of a call change, kept here until finish(): type → owner → change; type → change.
local held, waits = {}, {}
local function hold(type, owner, change)
    held[type] = held[type] or {}
    held[type][owner] = (held[type][owner] or 0) + change
end
local function wait_count(type, change) waits[type] = (waits[type] or 0) + change end

local function tasks_key(type) return P .. 'tasks:' .. type end
local function stream_len(type)
    if not lens[type] then lens[type] = call('XLEN', tasks_key(type)) end
    return lens[type]
end
local function has_place(type)
    if not windows[type] then windows[type] = num(call('HGET', P .. 'window', type) or 64) end
    return stream_len(type) < windows[type]
end
local fair -- the whole hash, read when somebody must wait or a cap may count
local function fairness(name)
    if not fair then
        fair = {}
        local flat = call('HGETALL', P .. 'fair')
        for i = 1, #flat, 2 do fair[flat[i]] = num(flat[i + 1]) end
    end
    return fair[name]
end
local function at_cap(type, owner)
    local cap = fairness('cap:' .. type)
    return cap and num(call('HGET', P .. 'held:' .. type, owner)) + (held[type] and held[type][owner] or 0) >= cap
end

local function admit(type, owner, packed)
    local len = stream_len(type)
    call('XADD', tasks_key(type), '*', 't', packed)
    hold(type, owner, 1)
    lens[type] = len + 1
    woken[type] = true
end

-- A new task: into the stream when there is a place and nobody waits, else behind its owner's others.
local function open_task(type, owner, class, packed)
    if not ring_lens[type] then ring_lens[type] = call('LLEN', P .. 'ring:' .. type) end
    if ring_lens[type] == 0 and has_place(type) and not at_cap(type, owner) then
        return admit(type, owner, packed)
    end
    if call('HSETNX', P .. 'deficit:' .. type, owner, 0) == 1 then
        call('RPUSH', P .. 'ring:' .. type, owner)
        ring_lens[type] = ring_lens[type] + 1
    end
    call('RPUSH', P .. 'wait:' .. type .. ':' .. owner .. ':' .. class, packed)
    wait_count(type, 1)
    freed[type] = true -- an owner below its cap may still be admitted at the end of this call
end

-- Which of an owner's lists gives the next task: retries first, then the class whose head is oldest after ten
-- minutes of head start per class. So a low priority waits longer, never for ever.
local HEAD_START_MS = 600000
local function next_class(type, owner)
    local list = P .. 'wait:' .. type .. ':' .. owner .. ':'
    if call('LLEN', list .. '0') > 0 then return list .. '0' end
    local best, best_since
    for class = 1, 3 do
        local head = call('LINDEX', list .. class, 0)
        if head then
            local since = unpack_task(head).since + class * HEAD_START_MS
            if not best or since < best_since then best, best_since = list .. class, since end
        end
    end
    return best
end

-- Deficit round robin: an owner's turn brings its weight, each admission costs one.
local function admit_waiting(type)
    local ring, deficits = P .. 'ring:' .. type, P .. 'deficit:' .. type
    local at_most = call('LLEN', ring) -- owners at their cap are passed over once
    while at_most > 0 and has_place(type) do
        local owner = call('LINDEX', ring, 0)
        if at_cap(type, owner) then
            call('LMOVE', ring, ring, 'LEFT', 'RIGHT')
            at_most = at_most - 1
        else
            local deficit = num(call('HGET', deficits, owner))
            if deficit < 1 then deficit = deficit + math.max(fairness('weight:' .. owner) or 1, 0.01) end
            local list = next_class(type, owner)
            while list and deficit >= 1 and has_place(type) and not at_cap(type, owner) do
                admit(type, owner, call('LPOP', list))
                wait_count(type, -1)
                deficit = deficit - 1
                list = next_class(type, owner)
            end
            if not list then
                call('LPOP', ring)
                call('HDEL', deficits, owner)
            else
                call('HSET', deficits, owner, string.format('%.3f', deficit))
                if deficit < 1 then call('LMOVE', ring, ring, 'LEFT', 'RIGHT') end
            end
            at_most = call('LLEN', ring)
        end
    end
end

-- ---- deliveries ---------------------------------------------------------------------------------

-- The fence: is this delivery the one that is pending? Answers also under whose name, and for how long.
local function pending(type, entry, delivery)
    local reply = redis.pcall('XPENDING', tasks_key(type), GROUP, entry, entry, 1)
    local row = not reply.err and reply[1]
    if not row or row[4] ~= num(delivery) then return false end
    return true, row[2], row[3]
end

-- An entry of the stream is gone: there is a place for another.
local function left_stream(type, owner)
    lens[type] = stream_len(type) - 1
    hold(type, owner, -1)
    freed[type] = true
end
-- Ends a delivery. XACK first: full memory does not refuse it.
local function close_delivery(type, entry, owner)
    stream_len(type) -- as it is before
    call('XACK', tasks_key(type), GROUP, entry)
    call('XDEL', tasks_key(type), entry)
    left_stream(type, owner)
end

-- A job's time in flight: from the first delivery in hand to the last, waiting does not count.
local function took_off(job)
    if add(job, 'fly', 1) == 1 then set(job, 'since', int(NOW)) end
end
local function landed(job)
    if num(job.value.fly) <= 0 then return end
    if add(job, 'fly', -1) == 0 then add(job, 'busy', NOW - num(job.value.since)) end
end

local function entry_task(type, entry)
    local found = call('XRANGE', tasks_key(type), entry, entry)[1]
    return found and unpack_task(found[2][2])
end

-- ---- the life of a job ------------------------------------------------------------------------------

local policy_cache
local function policy(name)
    if not policy_cache then
        policy_cache = {}
        local flat = call('HGETALL', P .. 'policy')
        for i = 1, #flat, 2 do policy_cache[flat[i]] = flat[i + 1] end
    end
    return policy_cache[name]
end

local function job_changed(job)
    if job.changed then return end
    job.changed = true
    add(job, 'seq', 1)
end

local function move_batch(job, from, to)
    local batch = load_batch(job.value.batch)
    if not batch.exists then return end
    add(batch, from, -1)
    add(batch, to, 1)
    batch.changed = true
end

-- Opens tasks `from` … `from + count - 1` of a stage in the job's present run.
local function open_stage(job, stage, from, count)
    for index = from, from + count - 1 do
        set(job, 'out:' .. stage .. ':' .. index, '')
        open_task(stage, job.value.owner, job.value.class,
                  pack_task(job.id, job.value.run, index, 1, 0, 0, int(NOW)))
    end
    add(job, 'n:' .. stage, count)
    if not AFTER_END[stage] then add(job, 'open', count) end
    job_changed(job)
end

local function wants_notice(of)
    local when = policy('notify') or 'never'
    return when == of or when == 'both'
end

local sweeps = {} -- of `sweep`: score, member, score, member …

-- The terminal state, set once per run: by the commit of the last task, by bury or by cancel.
local function end_job(job, state)
    move_batch(job, job.value.state, state)
    set(job, 'state', state)
    set(job, 'finished', int(NOW))
    set(job, 'msg', '')
    job_changed(job)
    local keep = num(policy(state == 'finished' and 'keep_finished' or 'keep_failed') or 604800000)
    job.expire_ms = keep + 3600000 -- the blobs go first: sweep needs the job to find them
    if state == 'finished' then
        sweeps[#sweeps + 1] = int(NOW + 60000)
        sweeps[#sweeps + 1] = job.id .. ' upload'
    end
    sweeps[#sweeps + 1] = int(NOW + keep)
    sweeps[#sweeps + 1] = job.id .. ' all'
    if wants_notice('job') then open_stage(job, 'notify', 0, 1) end
end

local function bury(type, task, job, code, text)
    local member = type .. ' ' .. task.job .. ' ' .. task.index
    call('ZADD', P .. 'dead', int(NOW), member)
    call('HSET', P .. 'deadwhy', member, cjson.encode({type = type, job = task.job, index = num(task.index), run = task.run,
                                                       code = code, text = text, at = NOW}))
    count('buried', type)
    if AFTER_END[type] and num(task.index) == 0 and job.value.run == task.run then -- no state's affair, but people look here
        set(job, 'msg', text)
        job_changed(job)
    end
    if AFTER_END[type] or not live(job, task.run) then return end
    set(job, 'err', cjson.encode({code = code, text = text, stage = type, index = num(task.index)}))
    end_job(job, 'failed')
end

-- A batch ends when sealed and all its jobs are terminal; once, also after kick or re-run.
local function close_batch_if_done(batch)
    local v = batch.value
    if v.ended ~= '' or num(v.sealed) ~= 1 then return end
    if num(v.finished) + num(v.failed) + num(v.cancelled) < num(v.jobs) then return end
    set(batch, 'ended', int(NOW))
    batch.changed = true
    batch.expire_ms = num(policy('keep_batch') or 2592000000)
    if wants_notice('batch') and num(v.jobs) > 0 then
        open_task('notify', v.owner, 2, pack_task(batch.id, int(NOW), 1, 1, 0, 0, int(NOW)))
    end
end

-- A command with as many arguments as there are, in pieces that unpack() can take.
local function call_many(command, key, flat)
    for from = 1, #flat, 1000 do call(command, key, unpack(flat, from, math.min(from + 999, #flat))) end
end

local function write_home(home)
    local flat, n, value = {}, 0, home.value
    for name in pairs(home.dirty) do
        flat[n + 1] = name
        flat[n + 2] = value[name]
        n = n + 2
    end
    if n > 0 then call_many('HSET', home.key, flat) end
    if home.expire_ms then call('PEXPIRE', home.key, int(home.expire_ms)) end
    home.dirty = {}
end

local function write_counters()
    for type, owners in pairs(held) do
        local key = P .. 'held:' .. type
        if lens[type] <= 0 then
            call('DEL', key) -- also mends a count whose job was gone
        else
            for owner, change in pairs(owners) do
                if change ~= 0 and call('HINCRBY', key, owner, change) <= 0 then call('HDEL', key, owner) end
            end
        end
    end
    for type, change in pairs(waits) do
        if change ~= 0 then call('HINCRBY', P .. 'waiting', type, change) end
    end
    call_many('ZADD', P .. 'sweep', sweeps)
    held, waits, sweeps = {}, {}, {}
end

local function admit_freed()
    for type in pairs(freed) do admit_waiting(type) end
    freed = {}
end

-- The last thing that a script does.
local function finish()
    local i = 1
    while i <= #order do -- jobs first or batches first: either way each is written once, and batches end last
        local home = order[i]
        if home.id and home.value.sealed ~= nil and home.changed then
            close_batch_if_done(home)
            add(home, 'seq', 1)
            if home.expire_ms then call('PEXPIRE', home.key .. ':jobs', int(home.expire_ms)) end
            events[#events + 1] = 'b ' .. home.id .. ' ' .. home.value.seq .. ' ' .. (home.value.ended ~= '' and 1 or 0)
        elseif home.changed then
            events[#events + 1] = 'j ' .. home.id .. ' ' .. home.value.seq .. ' ' .. home.value.batch .. ' ' .. home.value.state
        end
        write_home(home)
        i = i + 1
    end
    admit_freed()
    write_counters()
    for field, n in pairs(totals) do call('HINCRBY', P .. 'totals', field, n) end
    local wake = {}
    for type in pairs(woken) do
        if call('HDEL', P .. 'hungry', type) == 1 then wake[#wake + 1] = type end
    end
    if #wake > 0 then call('PUBLISH', 'sheaf:wake', string.match(P, '{(%x+)}') .. ' ' .. concat(wake, ' ')) end
    if #events > 0 then call('PUBLISH', 'sheaf:events', concat(events, '\n')) end
end
