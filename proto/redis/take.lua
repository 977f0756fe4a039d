-- take: as many tasks as there is room for, with their delivery numbers and what the stage needs to know.  A part of turn.lua.
--
-- Promises: what is answered is pending under the caller's name with the answered delivery, and the job's out:… says so; what was handed
-- back is served first; tasks of ended jobs and older runs are dropped on the way; a job over its time in
-- flight and a task delivered too often are buried here.  Never blocks, works at full memory.
-- Of ARGV, per type: type, room, window, needs.
--   needs: comma-separated job fields; "out:page:*" stands for all indexes, "#" for the task's own.
-- Answers a list of {type, entry, delivery, packed, about, needed…}.
local REDELIVERIES_MAX = 20
local me, limit_ms, taken -- of the call, set by take_types()

-- A type's needs: the fields to be read with what each task gets, and how each value comes about.  Kept, as they are always the same.
local PLANS = {}
local function plan_of(name, needs)
    local plan = PLANS[name]
    if plan and plan.of == needs then return plan end
    plan = {of = needs, fields = {'about', 's:' .. name}, needs = {}}
    for need in gmatch(needs, '[^,]+') do
        local all_of = match(need, '^out:([^:]+):%*$')
        local own = not all_of and string.find(need, '#', 1, true)
        plan.needs[#plan.needs + 1] = {name = need, all_of = all_of, own = own, plain = not all_of and not own and need ~= 'state'}
        if not own and need ~= 'state' then plan.fields[#plan.fields + 1] = all_of and 'n:' .. all_of or need end
    end
    PLANS[name] = plan
    return plan
end

local function needed(job, index, need)
    if need.name == 'state' then return job.s[STATE] end -- of the array, its first word
    if need.own then return get(job, (string.gsub(need.name, '#', index))) end
    if not need.all_of then return get(job, need.name) end
    local names, all = {}, {}
    for i = 1, num(get(job, 'n:' .. need.all_of)) do names[i] = 'out:' .. need.all_of .. ':' .. int(i - 1) end
    get_many(job, names)
    for i = 1, #names do all[i] = job.known[names[i]] end
    return concat(all, ' ')
end

-- A batch's own notify (index 1) has the batch where others have the job.
local function batch_row(name, entry, delivery, packed, id)
    local batch = load_batch(id)
    local b = batch.s
    if not batch.exists then return nil end
    return {name, entry, delivery, packed,
            encode({owner = b[B_OWNER], batch = id, name = '', digest = '', size = 0, mime = ''}),
            encode({jobs = num(b[JOBS]), finished = num(b[COUNTS.finished]), failed = num(b[COUNTS.failed]), cancelled = num(b[COUNTS.cancelled]),
                    mail = call('HGET', batch.key, 'mail') or ''})}
end

local function offer(type, entry, delivery, packed, plan, id, run, index, attempt, base)
    local name = type.name
    if name == 'notify' and index == '1' then
        local row = batch_row(name, entry, delivery, packed, id)
        if row then taken[#taken + 1] = row else close_delivery(type, entry, '?') end
        return row ~= nil
    end
    id = id or '?'
    local fields, job = plan.fields, jobs[id]
    if job then
        get_many(job, fields)
    else
        local key = K.job .. id
        local v, known = pcall('HMGET', key, 'state', unpack(fields)), {}
        for i = 1, #fields do known[fields[i]] = v[i + 1] or '' end
        job = job_from(id, key, v[1], known)
    end
    local s, in_state = job.s, type.in_state
    if not (live(s, run) or not in_state and s[RUN] == run) then
        close_delivery(type, entry, s[OWNER])
        return false
    end
    local late = in_state and in_flight_ms(job) > limit_ms
    local out = type.out .. index
    if late or delivery - base > REDELIVERIES_MAX then
        close_delivery(type, entry, s[OWNER])
        put(job, out, '')
        if late then
            bury(name, job, run, index, 'timeout', 'The document took longer than a job may take.')
        else
            bury(name, job, run, index, 'poison', 'The task was handed out ' .. REDELIVERIES_MAX .. ' times and never came to an end.')
        end
        return false
    end
    if s[STATE] == 'queued' then
        move_batch(s, 'queued', 'started')
        s[STATE], job.changed = 'started', true
        put(job, 'started', NOW_TEXT)
    end
    if in_state then took_off(job) end
    local token = '!' .. run .. '.' .. attempt .. '.' .. int(delivery)
    if job.opened == out then job.puts[job.opened_at] = token else put(job, out, token) end -- one field, one word
    local known, needs = job.known, plan.needs
    if known[type.s] == '' then
        put(job, type.s, NOW_TEXT)
        known[type.s], job.changed = NOW_TEXT, true
    end
    if s[MSG] ~= '' then s[MSG], job.changed = '', true end
    local first = needs[1] and (needs[1].plain and known[needs[1].name] or needed(job, index, needs[1]))
    local row = {name, entry, delivery, packed, known.about, first}
    for i = 2, #needs do row[5 + i] = needs[i].plain and known[needs[i].name] or needed(job, index, needs[i]) end
    taken[#taken + 1] = row
    return true
end

local function take_returned(type)
    local list = type.returned_key
    while type.room > 0 do
        local entry = call('LPOP', list)
        if not entry then break end
        local row = call('XPENDING', type.key, GROUP, entry, entry, 1)[1]
        if row and row[2] == RETURNED then
            local claimed = call('XCLAIM', type.key, GROUP, me, '0', entry)[1]
            if claimed then
                local packed = claimed[2][2]
                local id, run, index, attempt, _, base = match(packed, TASK)
                if offer(type, entry, row[4] + 1, packed, type.plan, id, run, index, attempt, num(base)) then type.room = type.room - 1 end
            end
        end
    end
end

-- What is new in the streams of all these types, which have the same room: one command, since most of them have nothing.
local function read_streams(list, room)
    local words, n = {'XREADGROUP', 'GROUP', GROUP, me, 'COUNT', int(room), 'STREAMS'}, #list
    for i = 1, n do words[7 + i], words[7 + n + i] = list[i].key, '>' end
    local reply = pcall(unpack(words))
    if reply and reply.err then -- the first take of one of them: make its stream and its group
        for i = 1, n do
            local made = pcall('XGROUP', 'CREATE', list[i].key, GROUP, '0', 'MKSTREAM')
            if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then error(made.err) end
        end
        reply = call(unpack(words))
    end
    local entries = {}
    for i = 1, reply and #reply or 0 do entries[reply[i][1]] = reply[i][2] end
    return entries
end

-- A type whose stream had less than there was room for is dry.
local function take_fresh(list, room, dry)
    local found, again = read_streams(list, room), {}
    for i = 1, #list do
        local type = list[i]
        local entries = found[type.key] or {}
        if #entries < room then dry[#dry + 1], type.woken = type, false end -- nobody could be woken for anything that is there by now
        for k = 1, #entries do
            local entry, packed = entries[k][1], entries[k][2][2]
            local job, kept = mine_of[packed], false
            if job then
                kept = offer(type, entry, 1, packed, type.plan, job.id, job.s[RUN], mine[packed], '1', 0)
            else
                local id, run, index, attempt, _, base = match(packed, TASK)
                base = base == '0' and 0 or num(base)
                if base > 0 then -- goes on counting where the task's earlier entry stopped
                    call('XCLAIM', type.key, GROUP, me, '0', entry, 'RETRYCOUNT', int(base + 1), 'JUSTID')
                end
                kept = offer(type, entry, base + 1, packed, type.plan, id, run, index, attempt, base)
            end
            if kept then type.room = type.room - 1 end
        end
        if #entries == room and type.room > 0 then again[#again + 1] = type end -- some were dropped
    end
    for i = 1, #again do take_fresh({again[i]}, again[i].room, dry) end
end

-- Says that more could be done; whoever adds the next task then wakes us.  A hint: at full memory it may fail.
local function note_dry(dry)
    local names, words = {'HMGET', K.hungry}, {'HSET', K.hungry}
    if #dry == 0 then return end
    for i = 1, #dry do names[2 + i] = dry[i].name end
    local known = call(unpack(names))
    for i = 1, #dry do
        if not known[i] then words[#words + 1], words[#words + 2] = dry[i].name, '1' end
    end
    if #words > 2 then pcall(unpack(words)) end
end

-- How many tasks each stream may hold, as the dispatchers' room makes it.
local function note_windows(list)
    local names = {'HMGET', K.window}
    for i = 1, #list do names[2 + i] = list[i].name end
    local known = call(unpack(names))
    for i = 1, #list do
        local type = list[i]
        if known[i] ~= type.wish then
            local written = pcall('HSET', K.window, type.name, type.wish) -- refused at full memory: another time
            type.window = false
            if written == 0 or written == 1 then type.freed = true end -- a wider window admits at once
        end
    end
end

-- Types from ARGV[from] to the end.
local function take_types(dispatcher, job_limit_ms, from)
    local paused, all, list, returned, by_room, dry = {}, {}, {}, {'EXISTS'}, {}, {}
    me, limit_ms, taken = dispatcher, job_limit_ms, {}
    if from > #ARGS then return taken end
    for _, name in ipairs(call('SMEMBERS', K.paused)) do paused[name] = true end
    for i = from, #ARGS, 4 do
        local name, type = ARGS[i], of_type(ARGS[i])
        type.room, type.wish = num(ARGS[i + 1]), ARGS[i + 2]
        all[#all + 1] = type
        if type.room > 0 and not paused[name] then
            type.plan = plan_of(name, ARGS[i + 3])
            list[#list + 1] = type
            returned[#returned + 1] = type.returned_key
        end
    end
    if #list > 0 and call(unpack(returned)) > 0 then
        for i = 1, #list do take_returned(list[i]) end
    end
    for i = 1, #list do
        local room = list[i].room
        if room > 0 then
            by_room[room] = by_room[room] or {}
            table.insert(by_room[room], list[i])
        end
    end
    for room, same in pairs(by_room) do take_fresh(same, room, dry) end
    note_dry(dry)
    note_windows(all)
    return taken
end
