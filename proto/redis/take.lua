-- take: as many tasks as there is room for, with their delivery numbers and what the stage needs to know.  A part of turn.lua.
--
-- Promises: what is answered is pending under the caller's name with the answered delivery, and the job's out:… says so; what was handed
-- back is served first; tasks of ended jobs and older runs are dropped on the way; a job over its time in
-- flight and a task delivered too often are buried here.  Never blocks, works at full memory.
-- Of ARGV, per type: type, room, window, needs.
--   needs: comma-separated job fields; "out:page:*" stands for all indexes, "#" for the task's own.
-- Answers a list per type that has some: type, number of words of each task; and these: entry, delivery, packed, about ("": the caller has it,
-- see commit), needed….
local REDELIVERIES_MAX = 20
local me, limit_ms, taken -- of the call, set by take_types()

-- A type's needs: the fields to be read with what each task gets, and how each value comes about.  Kept, as they are always the same.
local PLANS = {}
local function plan_of(name, needs)
    local plan = PLANS[name]
    if plan and plan.of == needs then return plan end
    plan = {of = needs, fields = {'about', 'stage:' .. name}, told_fields = {}, needs = {}}
    for need in gmatch(needs, '[^,]+') do
        local all_of = match(need, '^out:([^:]+):%*$')
        local own = not all_of and string.find(need, '#', 1, true)
        plan.needs[#plan.needs + 1] = {name = need, all_of = all_of, own = own, plain = not all_of and not own and need ~= 'state'}
        if not own and need ~= 'state' then
            local field = all_of and 'stage:' .. all_of or need
            plan.fields[#plan.fields + 1], plan.told_fields[#plan.told_fields + 1] = field, field
        end
    end
    PLANS[name] = plan
    return plan
end

local function needed(job, index, need)
    if need.name == 'state' then return job.s[STATE] end -- of the array, its first word
    if need.own then return get(job, (string.gsub(need.name, '#', index))) end
    if not need.all_of then return get(job, need.name) end
    local names, all = {}, {}
    for i = 1, num(stage_of(job, of_type(need.all_of)).n) do names[i] = 'out:' .. need.all_of .. ':' .. int(i - 1) end
    get_many(job, names)
    for i = 1, #names do all[i] = job.known[names[i]] end
    return concat(all, ' ')
end

-- A type's tasks, as they are answered.
local function rows_of(type)
    local rows = type.rows
    if not rows then
        rows = {type.name, 4 + #type.plan.needs}
        type.rows, type.n_rows, taken[#taken + 1] = rows, 2, rows
    end
    return rows
end

-- A batch's own notify (index 1) has the batch where others have the job.
local function add_batch_row(type, entry, delivery, packed, id)
    local batch = load_batch(id)
    local b = batch.s
    if not batch.exists then return false end
    local rows = rows_of(type)
    local n = type.n_rows
    rows[n + 1], rows[n + 2], rows[n + 3] = entry, delivery, packed
    rows[n + 4] = encode({owner = b[B_OWNER], batch = id, name = '', digest = '', size = 0, mime = ''})
    rows[n + 5] = encode({jobs = num(b[JOBS]), finished = num(b[COUNTS.finished]), failed = num(b[COUNTS.failed]), cancelled = num(b[COUNTS.cancelled]),
                          mail = call('HGET', batch.key, 'mail') or ''})
    for i = n + 6, n + rows[2] do rows[i] = '' end
    type.n_rows = n + rows[2]
    return true
end

-- Too long in flight: but not by the time that a machine slept, of which others of its tasks that are in hand tell.
local function is_late(job)
    if in_flight_ms(job) <= limit_ms then return false end
    local fields, asked = call('HGETALL', job.key), {}
    for i = 1, #fields, 2 do
        local stage = sub(fields[i + 1], 1, 1) == '!' and match(fields[i], '^out:([^:]+):')
        if stage and not asked[stage] then
            asked[stage] = true
            local rows = pcall('XPENDING', P .. 'tasks:' .. stage, GROUP, 'IDLE', int(LONGEST_LEASE_MS + 1), '-', '+', '100')
            for k = 1, #rows do
                if rows[k][2] ~= RETURNED and seen_again(job, rows[k][3]) then break end
            end
        end
    end
    return in_flight_ms(job) > limit_ms
end

local function offer(type, entry, delivery, packed, plan, id, run, index, attempt, base)
    local name = type.name
    if name == 'notify' and index == '1' then
        local there = add_batch_row(type, entry, delivery, packed, id)
        if not there then close_delivery(type, entry, '?') end
        return there
    end
    id = id or '?'
    local job = jobs[id]
    if job then
        get_many(job, job.told and plan.told_fields or plan.fields)
    else
        local key, fields = K.job .. id, plan.fields
        local v, known = pcall('HMGET', key, 'state', unpack(fields)), {}
        for i = 1, #fields do known[fields[i]] = v[i + 1] or '' end
        job = job_from(id, key, v[1], known)
    end
    local s, in_state = job.s, type.in_state
    local state = s[STATE]
    if not wanted(s, run, in_state) then
        close_delivery(type, entry, s[OWNER])
        return false
    end
    local late = in_state and is_late(job)
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
    if state == 'queued' then
        move_batch(s, 'queued', 'started')
        s[STATE], job.changed = 'started', true
        put(job, 'started', NOW_TEXT)
    end
    if in_state then took_off(job) end
    local token = '!' .. run .. '.' .. attempt .. '.' .. int(delivery)
    if job.opened == out then job.puts[job.opened_at] = token else put(job, out, token) end -- one field, one word
    local known, needs = job.known, plan.needs
    local r = stage_of(job, type)
    if r.s == '' then r.s, r.changed, job.changed = NOW_TEXT, true, true end
    if s[MSG] ~= '' then s[MSG], job.changed = '', true end
    local rows = type.rows or rows_of(type)
    local n = type.n_rows
    rows[n + 1], rows[n + 2], rows[n + 3], rows[n + 4] = entry, delivery, packed, job.told and '' or known.about
    n = n + 4
    for i = 1, #needs do
        local need = needs[i]
        rows[n + i] = need.plain and known[need.name] or needed(job, index, need)
    end
    type.n_rows = n + #needs
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

-- Lists of words and types that every call needs anew are kept and overwritten: only their first n places count.  A table that grows is made
-- anew at every doubling, which was a third of what a take costs that finds nothing.
local READ, RETURNED_KEYS, NAMES_OF, SAME, DRY = {'XREADGROUP', 'GROUP', GROUP, '', 'COUNT', '', 'STREAMS'}, {'EXISTS'}, {'HMGET'}, {}, {}
local dry -- how many types are in DRY

-- What is new in the streams of the first n of these types, which have the same room, as type.entries: one command, since most of them have
-- nothing.
local function read_streams(list, n, room)
    local words, last = READ, 7 + 2 * n
    words[4], words[6] = me, int(room)
    for i = 1, n do words[7 + i], words[7 + n + i], list[i].entries = list[i].key, '>', false end
    local reply = pcall(unpack(words, 1, last))
    if reply and reply.err then -- the first take of one of them: make its stream and its group
        for i = 1, n do
            local made = pcall('XGROUP', 'CREATE', list[i].key, GROUP, '0', 'MKSTREAM')
            if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then error(made.err) end
        end
        reply = call(unpack(words, 1, last))
    end
    local at = 1
    for i = 1, reply and #reply or 0 do -- in the order in which they were asked for
        while list[at].key ~= reply[i][1] do at = at + 1 end
        list[at].entries = reply[i][2]
    end
end

-- A type whose stream had less than there was room for is dry.
local function take_fresh(list, n, room)
    local again
    read_streams(list, n, room)
    for i = 1, n do
        local type = list[i]
        local entries = type.entries or {}
        if #entries < room then
            dry = dry + 1
            DRY[dry], type.woken = type, false -- nobody could be woken for anything that is there by now
        end
        for k = 1, #entries do
            local entry, packed = entries[k][1], entries[k][2][2]
            local job, kept = mine[packed], false
            if job and job.opened_packed == packed then
                kept = offer(type, entry, 1, packed, type.plan, job.id, job.s[RUN], job.opened_index, '1', 0)
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
        if #entries == room and type.room > 0 then -- some were dropped
            again = again or {}
            again[#again + 1] = type
        end
        type.entries = false
    end
    for i = 1, again and #again or 0 do take_fresh({again[i]}, 1, again[i].room) end
end

-- The values of a hash for the first n of these types.
local function by_name(key, list, n)
    NAMES_OF[2] = key
    for i = 1, n do NAMES_OF[2 + i] = list[i].name end
    return call(unpack(NAMES_OF, 1, 2 + n))
end

-- Says that more could be done; whoever adds the next task then wakes us.  A hint: at full memory it may fail.
local function note_dry()
    if dry == 0 then return end
    local known, words = by_name(K.hungry, DRY, dry), nil
    for i = 1, dry do
        if not known[i] then
            words = words or {'HSET', K.hungry}
            words[#words + 1], words[#words + 2] = DRY[i].name, '1'
        end
    end
    if words then pcall(unpack(words)) end
end

-- How many tasks each stream may hold, as the dispatchers' room makes it.
local function note_windows(list, n)
    local known = by_name(K.window, list, n)
    for i = 1, n do
        local type = list[i]
        if known[i] ~= type.wish then
            local written = pcall('HSET', K.window, type.name, type.wish) -- refused at full memory: another time
            type.window = false
            if written == 0 or written == 1 then type.freed = true end -- a wider window admits at once
        end
    end
end

local function is_in(list, name)
    for i = 1, #list do
        if list[i] == name then return true end
    end
    return false
end

-- Types from ARGV[from] to the end.
local ALL, LIST = {}, {}
local function take_types(dispatcher, job_limit_ms, from)
    local all, n = 0, 0
    me, limit_ms, taken, dry = dispatcher, job_limit_ms, {}, 0
    if from > #ARGS then return taken end
    local paused = call('SMEMBERS', K.paused)
    for i = from, #ARGS, 4 do
        local type = of_type(ARGS[i])
        type.room, type.wish, type.read, type.rows = num(ARGS[i + 1]), ARGS[i + 2], false, false
        all = all + 1
        ALL[all] = type
        if type.room > 0 and not is_in(paused, type.name) then
            type.plan = plan_of(type.name, ARGS[i + 3])
            n = n + 1
            LIST[n], RETURNED_KEYS[1 + n] = type, type.returned_key
        end
    end
    if n > 0 and call(unpack(RETURNED_KEYS, 1, 1 + n)) > 0 then
        for i = 1, n do take_returned(LIST[i]) end
    end
    for i = 1, n do
        local room, same = LIST[i].room, 0
        for k = i, not LIST[i].read and room > 0 and n or 0 do
            local type = LIST[k]
            if not type.read and type.room == room then
                same, type.read = same + 1, true
                SAME[same] = type
            end
        end
        if same > 0 then take_fresh(SAME, same, room) end
    end
    note_dry()
    note_windows(ALL, all)
    return taken
end
