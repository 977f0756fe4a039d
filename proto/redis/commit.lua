-- commit: results of deliveries, many in one call.  A part of turn.lua.
--
-- Promises, per item: counts only if exactly this delivery is in hand, its run is the job's present one and the
-- job has not ended; then, in one step, stores the result, opens what follows, acknowledges, announces.
-- A call whose answer was lost may be sent again: an item that was counted is answered as counted.
-- Of ARGV, 11 per item: type, entry, run, attempt, delivery, job, index, worker, result, open, join.
--   open: "stage:from:count …" opened by this task.  join: stage opened when all of this type are done.
-- Answers per item 1 accepted, 2 superseded.
local ITEM = 11

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
    if f and f.open == open and f.join == join then return f end
    f = {open = open, join = join, opens = {}, next = type}
    for stage, from, n in gmatch(open, '([^ :]+):(%d+):(%d+)') do f.opens[#f.opens + 1] = {type = of_type(stage), from = num(from), n = num(n)} end
    if f.opens[1] then f.next = f.opens[1].type end
    if join ~= '' then f.next = of_type(join) end
    type.follow = f
    return f
end

local function settle(job, type, out, token, index, worker, result, f)
    local known, s, puts, n = job.known, job.s, job.puts, job.n
    local d, by = type.d, known[type.by]
    local done = up(known[d])
    known[d] = done
    puts[n + 1], puts[n + 2], puts[n + 3], puts[n + 4] = out, token, d, done
    n = n + 4
    if job.ended ~= type then -- not yet in this call
        puts[n + 1], puts[n + 2] = type.e, NOW_TEXT
        n, job.ended = n + 2, type
    end
    if result ~= '' and result ~= '{}' then
        local res = type.res .. index
        puts[n + 1], puts[n + 2] = res, result
        n, known[res] = n + 2, result
    end
    if by ~= worker and worker ~= '' and not string.find(',' .. by .. ',', ',' .. worker .. ',', 1, true) then
        by = by == '' and worker or by .. ',' .. worker
        puts[n + 1], puts[n + 2] = type.by, by
        n, known[type.by] = n + 2, by
    end
    job.n, job.touched, job.changed, type.done = n, true, true, type.done + 1
    if not type.in_state then return end
    landed(job)
    local opens = f.opens
    for i = 1, #opens do open_stage(job, renew_type(opens[i].type), opens[i].from, opens[i].n) end
    if type.name == 'fetch' then open_parked(job) end
    if f.join ~= '' and done == known[type.n] then open_stage(job, of_type(f.join), 0, 1) end
    s[OPEN] = down(s[OPEN])
    if s[OPEN] == '0' then end_job(job, 'finished') end
end

-- A result's job with what its commit and, often, the next stage's take are going to need, in one command.
local function job_of_result(id, type, out, next)
    local job = jobs[id]
    if job then
        get_many(job, {out, type.d, type.n, type.by})
        return job
    end
    local key = K.job .. id
    local v = pcall('HMGET', key, 'state', out, type.d, type.n, type.by, next.n, next.s, 'about')
    return job_from(id, key, v[1], {[next.n] = v[6] or '', [next.s] = v[7] or '', about = v[8] or '', [out] = v[2] or '', [type.d] = v[3] or '',
                                    [type.n] = v[4] or '', [type.by] = v[5] or ''})
end

-- Items from ARGV[from] to ARGV[to].  All fences are looked at first, then all that are in hand are acknowledged,
-- with one XACK and one XDEL per type: that first write full memory cannot refuse, and then nothing fails.
local function commit_items(from, to)
    local ended, tokens, closing = {}, {}, {}
    for i = from, to, ITEM do
        local type, index, yes = of_type(ARGS[i]), ARGS[i + 6], false
        if type.name == 'notify' and index == '1' then -- a batch's message, which no job knows
            yes = pending(type, ARGS[i + 1], ARGS[i + 4])
        else
            local out = type.out .. index
            local job = job_of_result(ARGS[i + 5], type, out, follow(type, ARGS[i + 9], ARGS[i + 10]).next)
            local token, known = ARGS[i + 2] .. '.' .. ARGS[i + 3] .. '.' .. ARGS[i + 4], job.known
            tokens[i] = token
            if not job.exists then
                yes = pending(type, ARGS[i + 1], ARGS[i + 4]) -- to be acknowledged, and that is all
            elseif known[out] == '!' .. token then
                yes, known[out] = true, token -- the same once more in this call finds it ended
            end
        end
        if yes then
            local entries = closing[type]
            if not entries then
                stream_len(type) -- as it is before
                entries = {}
                closing[type] = entries
            end
            entries[#entries + 1] = ARGS[i + 1]
            ended[i] = true
        end
    end
    for type, entries in pairs(closing) do
        call('XACK', type.key, GROUP, unpack(entries))
        call('XDEL', type.key, unpack(entries))
    end
    local answers, n = {}, 0
    for i = from, to, ITEM do
        local type, id, index, token, answer = of_type(ARGS[i]), ARGS[i + 5], ARGS[i + 6], tokens[i], 2
        if not token then -- a batch's: nothing to keep but that it was done
            if ended[i] then
                left_stream(type, load_batch(id).s[B_OWNER])
                answer = 1
            end
        else
            local job = jobs[id]
            local s = job.s
            if ended[i] then
                left_stream(type, s[OWNER])
                if live(s, ARGS[i + 2]) or not type.in_state and s[RUN] == ARGS[i + 2] then
                    settle(job, type, type.out .. index, token, index, ARGS[i + 7], ARGS[i + 8], follow(type, ARGS[i + 9], ARGS[i + 10]))
                    answer = 1
                end
            elseif job.exists and get(job, type.out .. index) == token then
                answer = 1 -- sent again because the first answer was lost
            end
        end
        n = n + 1
        answers[n] = answer
    end
    return answers
end
