-- commit: results of deliveries, many in one call.  A part of turn.lua.
--
-- Promises, per item: counts only if exactly this delivery is in hand, its run is the job's present one and the
-- job has not ended; then, in one step, stores the result, opens what follows, acknowledges, announces.
-- A call whose answer was lost may be sent again: an item that was counted is answered as counted.
-- Of ARGV, the kinds, 5 each: type, worker, open, join, told; then per result one text, packed: number of its kind (2 bytes, big endian) and, each
-- ended by a NUL, entry, run, token ("run.attempt.delivery"), job, index, result.  Most results are of few kinds, and one text
-- that C code takes apart is a third of the cost of ten.
--   open: "stage:from:count …" opened by this task; from may be "#", its own index.  join: stage opened when all of this type are done.
--   told 1: the caller knows the job's `about`, which then stands in none of the tasks that it is given of it by this call.
-- Answers per item 1 accepted, 2 superseded.
local KIND_WORDS, RESULT = 5, '>Hssssss'

local function open_parked(job) -- what waited for the document to be fetched
    for stage, index in gmatch(get(job, 'parked'), '(%S+):(%d+)') do
        open_task(of_type(stage), job.s[OWNER], job.s[CLASS], new_task(job.id, job.s[RUN], index))
    end
    put(job, 'parked', '')
    put(job, 'up', '')
end

-- What follows from `open` and `join` of a type's items, which are mostly those of the item before, also of an earlier call.  `next`: the type whose
-- task is likely to be handed out by this very call, and is read along.
local function follow(type, open, join)
    local f = type.follow
    if not f or f.open ~= open or f.join ~= join then
        f = {open = open, join = join, opens = {}, next = type}
        for stage, from, n in gmatch(open, '([^ :]+):([%d#]+):(%d+)') do f.opens[#f.opens + 1] = {type = of_type(stage), from = num_of(from), n = num(n)} end
        if f.opens[1] then f.next = f.opens[1].type end
        if join ~= '' then f.next = of_type(join) end
        type.follow = f
    end
    return f
end

local KINDS = {}
local function read_kinds(from, n)
    for k = 1, n do
        local kind, type = KINDS[k] or {}, of_type(ARGS[from])
        local f = follow(type, ARGS[from + 2], ARGS[from + 3])
        kind.type, kind.worker, kind.opens, kind.join, kind.next, kind.told = type, ARGS[from + 1], f.opens, ARGS[from + 3], f.next, ARGS[from + 4] == '1'
        KINDS[k], from = kind, from + KIND_WORDS
    end
end

local function settle(job, kind, out, token, index, result)
    local s, puts, n, type, worker = job.s, job.puts, job.n, kind.type, kind.worker
    local r = stage_of(job, type)
    local by = r.by
    r.d, r.e, r.changed = up(r.d), NOW_TEXT, true
    puts[n + 1], puts[n + 2] = out, token
    n = n + 2
    if result ~= '' and result ~= '{}' then
        local res = type.res .. index
        puts[n + 1], puts[n + 2] = res, result
        n, job.known[res], job.long = n + 2, result, job.long or #result > 1000
    end
    if by ~= worker and worker ~= '' and not string.find(',' .. by .. ',', ',' .. worker .. ',', 1, true) then
        r.by = by == '' and worker or by .. ',' .. worker
    end
    job.n, job.touched, job.changed, type.done = n, true, true, type.done + 1
    if not type.in_state then return end
    landed(job)
    local opens = kind.opens
    for i = 1, #opens do
        local o = opens[i]
        open_stage(job, renew_type(o.type), o.from or num(index), o.n)
    end
    if type.name == 'fetch' then open_parked(job) end
    if kind.join ~= '' and r.d == r.n then open_stage(job, of_type(kind.join), 0, 1) end
    s[OPEN] = down(s[OPEN])
    if s[OPEN] == '0' then end_job(job, 'finished') end
end

-- A result's job with what its commit and, often, the next stage's take are going to need, in one command.
local function job_of_result(id, kind, out)
    local job, type, next = jobs[id], kind.type, kind.next
    if job then
        get(job, out)
        job.told = job.told or kind.told
        return job
    end
    local key = K.job .. id
    local v = pcall('HMGET', key, 'state', out, type.stage, next.stage)
    job = job_from(id, key, v[1], {[out] = v[2] or ''})
    add_stage(job, type, v[3])
    if next ~= type then add_stage(job, next, v[4]) end
    job.told = kind.told
    return job
end

-- The n results that begin at ARGV[from].  All fences are looked at first, then all that are in hand are acknowledged,
-- with one XACK and one XDEL per type: that first write full memory cannot refuse, and then nothing fails.
local KIND_OF, JOB_OF, RUN_OF, OUT_OF, TOKEN_OF, INDEX_OF, RESULT_OF, ENDED = {}, {}, {}, {}, {}, {}, {}, {} -- of the call, kept like all tables
local function commit_items(from, n)
    local closing = {}
    for i = 1, n do
        local number, entry, run, token, id, index, result = take_apart(RESULT, ARGS[from + i - 1])
        local kind, yes, job, out = KINDS[number], false, false, false
        local type = kind.type
        if not type.in_state and type.name == 'notify' and index == '1' then -- a batch's message, which no job knows
            yes, job = pending(type, entry, match(token, '%d+$')), load_batch(id)
        else
            out = type.out .. index
            job = job_of_result(id, kind, out)
            if not job.exists then
                yes = pending(type, entry, match(token, '%d+$')) -- to be acknowledged, and that is all
            elseif job.known[out] == '!' .. token then
                yes, job.known[out] = true, token -- the same once more in this call finds it ended
                if type.in_state and NOW - job.s[SINCE] > LONGEST_LEASE_MS then woken_up(job, type, entry) end
            end
        end
        KIND_OF[i], JOB_OF[i], RUN_OF[i], OUT_OF[i], TOKEN_OF[i], INDEX_OF[i], RESULT_OF[i], ENDED[i] = kind, job, run, out, token, index, result, yes
        if yes then
            local entries = closing[type]
            if not entries then
                stream_len(type) -- as it is before
                entries = {}
                closing[type] = entries
            end
            entries[#entries + 1] = entry
        end
    end
    for type, entries in pairs(closing) do
        call('XACK', type.key, GROUP, unpack(entries))
        call('XDEL', type.key, unpack(entries))
    end
    local answers = {}
    for i = 1, n do
        local kind, job, out, answer = KIND_OF[i], JOB_OF[i], OUT_OF[i], 2
        local type, s = kind.type, job.s
        if not out then -- a batch's: nothing to keep but that it was done
            if ENDED[i] then
                left_stream(type, s[B_OWNER])
                answer = 1
            end
        elseif ENDED[i] then
            left_stream(type, s[OWNER])
            if wanted(s, RUN_OF[i], type.in_state) then
                settle(job, kind, out, TOKEN_OF[i], INDEX_OF[i], RESULT_OF[i])
                answer = 1
            end
        elseif job.exists and get(job, out) == TOKEN_OF[i] then
            answer = 1 -- sent again because the first answer was lost
        end
        answers[i], RESULT_OF[i] = answer, false
    end
    return answers
end
