-- commit: results of deliveries, many in one call.  A part of turn.lua.
--
-- Promises, per item: counts only if exactly this delivery is pending, its run is the job's present one and the
-- job has not ended; then, in one step, stores the result, opens what follows, acknowledges, announces.
-- A call whose answer was lost may be sent again: an item that was counted is answered as counted.
-- Of ARGV, 11 per item: type, entry, run, attempt, delivery, job, index, worker, result, open, join.
--   open: "stage:from:count …" opened by this task.  join: stage opened when all of this type are done.
-- Answers per item 1 accepted, 2 superseded.
local ITEM = 11

local function open_parked(job) -- what waited for the document to be fetched
    for stage, index in string.gmatch(get(job, 'parked'), '(%S+):(%d+)') do
        open_task(stage, job.value.owner, job.value.class, pack_task(job.id, job.value.run, index, 1, 0, 0, int(NOW)))
    end
    set(job, 'parked', '')
    set(job, 'up', '')
end

local function by_whom(job, type, worker)
    local names = get(job, 'by:' .. type)
    if worker == '' or string.find(',' .. names .. ',', ',' .. worker .. ',', 1, true) then return end
    set(job, 'by:' .. type, names == '' and worker or names .. ',' .. worker)
end

local function settle(job, type, index, token, worker, result, open, join)
    set(job, 'out:' .. type .. ':' .. index, token)
    if result ~= '' and result ~= '{}' then set(job, 'res:' .. type .. ':' .. index, result) end
    local done = add(job, 'd:' .. type, 1)
    set(job, 'e:' .. type, int(NOW))
    by_whom(job, type, worker)
    count('done', type)
    job_changed(job)
    if AFTER_END[type] then return end
    landed(job)
    for stage, from, count in string.gmatch(open, '(%S+):(%d+):(%d+)') do open_stage(job, stage, num(from), num(count)) end
    if type == 'fetch' then open_parked(job) end
    if join ~= '' and done == num(get(job, 'n:' .. type)) then open_stage(job, join, 0, 1) end
    if add(job, 'open', -1) == 0 then end_job(job, 'finished') end
end

-- The fields that a result's own stage and what it opens are going to need, to be read with the job in one command.
local function fields_of(type, open, join)
    local more = {'d:' .. type, 'n:' .. type, 'by:' .. type}
    for stage in string.gmatch(open, '(%S+):%d+:%d+') do
        more[#more + 1] = 'n:' .. stage
        more[#more + 1] = 's:' .. stage
    end
    if join ~= '' then more[#more + 1] = 'n:' .. join end
    return more
end

-- Items from ARGV[from] to ARGV[to].  All fences are looked at first, then all that were held are acknowledged,
-- with one XACK and one XDEL per type: that first write full memory cannot refuse, and then nothing fails.
local function commit_items(from, to)
    local answers, items, ours, closing = {}, {}, {}, {}
    for i = from, to, ITEM do
        local item = {unpack(ARGV, i, i + ITEM - 1)}
        local type, entry, name = item[1], item[2], item[1] .. ' ' .. item[2]
        items[#items + 1] = item
        if not ours[name] and pending(type, entry, item[5]) then
            stream_len(type) -- as it is before
            ours[name], item.ours = true, true
            closing[type] = closing[type] or {}
            table.insert(closing[type], entry)
        end
    end
    for type, entries in pairs(closing) do
        call('XACK', tasks_key(type), GROUP, unpack(entries))
        call('XDEL', tasks_key(type), unpack(entries))
    end
    for i, item in ipairs(items) do
        local type, entry, run, attempt, delivery, id, index, worker, result, open, join = unpack(item)
        local token = run .. '.' .. attempt .. '.' .. delivery
        answers[i] = 2
        if type == 'notify' and index == '1' then -- a batch's message: nothing to keep but that it was done
            if item.ours then
                left_stream(type, load_batch(id).value.owner)
                answers[i] = 1
            end
        else
            local job = load_job(id, fields_of(type, open, join))
            if item.ours then
                left_stream(type, job.value.owner)
                if job.value.run == run and AFTER_END[type] or live(job, run) then
                    settle(job, type, index, token, worker, result, open, join)
                    answers[i] = 1
                end
            elseif job.exists and get(job, 'out:' .. type .. ':' .. index) == token then
                answers[i] = 1 -- sent again because the first answer was lost
            end
        end
    end
    return answers
end
