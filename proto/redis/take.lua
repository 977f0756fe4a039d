-- take: as many tasks as there is room for, with their delivery numbers and what the stage needs to know.  A part of turn.lua.
--
-- Promises: what is answered is pending under the caller's name with the answered delivery; what was handed
-- back is served first; tasks of ended jobs and older runs are dropped on the way; a job over its time in
-- flight and a task delivered too often are buried here.  Never blocks, works at full memory.
-- Of ARGV, per type: type, room, window, needs.
--   needs: comma-separated job fields; "out:page:*" stands for all indexes, "#" for the task's own.
-- Answers a list of {type, entry, delivery, packed, owner, batch, name, digest, size, mime, needed…}.
local me, limit_ms = ARGV[1], num(ARGV[2]) -- of turn.lua
local BASICS = {'owner', 'batch', 'name', 'digest', 'size', 'mime'}
local taken = {}

-- What of a job is going to be needed for an offer, to be read with it in one command.
local function fields_for(type, task, needs)
    local more = {'s:' .. type, unpack(BASICS)}
    for need in string.gmatch(needs, '[^,]+') do
        local stage = string.match(need, '^out:([^:]+):%*$')
        more[#more + 1] = stage and 'n:' .. stage or (string.gsub(need, '#', task.index))
    end
    return more
end

local function needed(job, task, needs)
    local row = {}
    for need in string.gmatch(needs, '[^,]+') do
        local stage = string.match(need, '^out:([^:]+):%*$')
        if stage then
            local names, all = {}, {}
            for i = 1, num(get(job, 'n:' .. stage)) do names[i] = 'out:' .. stage .. ':' .. (i - 1) end
            fetch(job, names)
            for i, name in ipairs(names) do all[i] = job.value[name] end
            row[#row + 1] = table.concat(all, ' ')
        else
            row[#row + 1] = get(job, (string.gsub(need, '#', task.index)))
        end
    end
    return row
end

-- A batch's own notify (index 1) has the batch where others have the job.
local function batch_row(type, entry, delivery, packed, task)
    local batch = load_batch(task.job)
    if not batch.exists then return nil end
    local v = batch.value
    return {type, entry, delivery, packed, v.owner, task.job, '', '', '0', '',
            cjson.encode({jobs = num(v.jobs), finished = num(v.finished), failed = num(v.failed), cancelled = num(v.cancelled),
                          mail = get(batch, 'mail')})}
end

local function offer(type, entry, delivery, packed, needs)
    local task = unpack_task(packed)
    if type == 'notify' and task.index == '1' then
        local row = batch_row(type, entry, delivery, packed, task)
        if row then taken[#taken + 1] = row else close_delivery(type, entry, '?') end
        return row ~= nil
    end
    local job = load_job(task.job, fields_for(type, task, needs))
    if not (AFTER_END[type] and job.value.run == task.run or live(job, task.run)) then
        close_delivery(type, entry, job.value.owner)
        return false
    end
    local busy = num(job.value.busy) + (num(job.value.fly) > 0 and NOW - num(job.value.since) or 0)
    if not AFTER_END[type] and busy > limit_ms then
        close_delivery(type, entry, job.value.owner)
        bury(type, task, job, 'timeout', 'The document took longer than a job may take.')
        return false
    end
    if delivery - task.base > REDELIVERIES_MAX then
        close_delivery(type, entry, job.value.owner)
        bury(type, task, job, 'poison', 'The task was handed out ' .. REDELIVERIES_MAX .. ' times and never came to an end.')
        return false
    end
    if job.value.state == 'queued' then
        move_batch(job, 'queued', 'started')
        set(job, 'state', 'started')
        set(job, 'started', int(NOW))
        job_changed(job)
    end
    if not AFTER_END[type] then took_off(job) end
    if get(job, 's:' .. type) == '' then
        set(job, 's:' .. type, int(NOW))
        job_changed(job)
    end
    if job.value.msg ~= '' then
        set(job, 'msg', '')
        job_changed(job)
    end
    local row = {type, entry, delivery, packed}
    for _, name in ipairs(BASICS) do row[#row + 1] = get(job, name) end
    for _, value in ipairs(needed(job, task, needs)) do row[#row + 1] = value end
    taken[#taken + 1] = row
    return true
end

local function take_returned(type, room, needs)
    local list, got = P .. 'returned:' .. type, 0
    while got < room do
        local entry = call('LPOP', list)
        if not entry then break end
        local row = call('XPENDING', tasks_key(type), GROUP, entry, entry, 1)[1]
        if row and row[2] == RETURNED then
            local claimed = call('XCLAIM', tasks_key(type), GROUP, me, 0, entry)[1]
            if claimed and offer(type, entry, row[4] + 1, claimed[2][2], needs) then got = got + 1 end
        end
    end
    return got
end

local function read_group(type, count)
    local reply = redis.pcall('XREADGROUP', 'GROUP', GROUP, me, 'COUNT', count, 'STREAMS', tasks_key(type), '>')
    if reply and reply.err then -- the first take of this type: make the stream and its group
        call('XGROUP', 'CREATE', tasks_key(type), GROUP, '0', 'MKSTREAM')
        reply = call('XREADGROUP', 'GROUP', GROUP, me, 'COUNT', count, 'STREAMS', tasks_key(type), '>')
    end
    return reply and reply[1] and reply[1][2] or {}
end

local function take_fresh(type, room, needs)
    while room > 0 do
        local entries, got = read_group(type, room), 0
        for _, e in ipairs(entries) do
            local task = unpack_task(e[2][2])
            if task.base > 0 then -- goes on counting where the task's earlier entry stopped
                call('XCLAIM', tasks_key(type), GROUP, me, 0, e[1], 'RETRYCOUNT', int(task.base + 1), 'JUSTID')
            end
            if offer(type, e[1], task.base + 1, e[2][2], needs) then got = got + 1 end
        end
        if #entries < room then
            -- Says that more could be done; whoever adds the next task then wakes us. A hint: at full memory it may fail.
            redis.pcall('HSETNX', P .. 'hungry', type, 1)
            woken[type] = nil -- there is nothing that anybody could be woken for
            return
        end
        room = room - got
    end
end

-- Types from ARGV[from] to the end.
local function take_types(from)
    for i = from, #ARGV, 4 do
        local type, room, window, needs = ARGV[i], num(ARGV[i + 1]), ARGV[i + 2], ARGV[i + 3]
        if room > 0 and call('SISMEMBER', P .. 'paused', type) == 0 then
            take_fresh(type, room - take_returned(type, room, needs), needs)
        end
        if call('HGET', P .. 'window', type) ~= window then
            local written = redis.pcall('HSET', P .. 'window', type, window) -- refused at full memory: another time
            windows[type] = nil
            if written == 0 or written == 1 then freed[type] = true end -- a wider window admits at once
        end
    end
    return taken
end
