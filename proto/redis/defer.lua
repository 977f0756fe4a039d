-- defer: deliveries that ended without a result.
--
-- Promises, per item: fenced as in commit.  retry: attempt + 1, due after after_ms, buried beyond `max`.
-- throttled: due after after_ms, nothing spent.  lost: the worker died; losses + 1, offered again at once, buried
-- as poison at the third; only what is pending under the caller's name: who is silent to us may have been adopted by another.
-- refused: buried at once.  A burial ends the job as failed.
-- ARGV: dispatcher, then 12 per item: type, entry, run, attempt, delivery, job, index, mode, after_ms, max, code, text.
-- Answers per item 1 waits again, 2 superseded, 3 buried.
local LOSSES_MAX = 3
local me, answers = ARGV[1], {}

local function packed_again(task, attempt, losses, base)
    return concat({task.job, task.run, task.index, attempt, losses, base, task.since}, ' ')
end

local function again(job, of_batch, name, task, delivery, item)
    local owner, class = of_batch and job.s[B_OWNER] or job.s[OWNER], of_batch and '2' or job.s[CLASS]
    if item.mode == 'lost' then
        return open_task(of_type(name), owner, '0', packed_again(task, task.attempt, task.losses + 1, delivery))
    end
    local attempt, base = task.attempt, delivery
    if item.mode == 'retry' then attempt, base = attempt + 1, 0 end
    local packed = packed_again(task, attempt, task.losses, base)
    call('ZADD', P .. 'later', int(NOW + item.after), concat({name, owner, class, packed, NOW_TEXT}, ' '))
    if item.text ~= '' then
        job.s[MSG], job.changed = item.text, true
        put(job, 'msg_until', int(NOW + item.after))
    end
end

for i = 2, #ARGV, 12 do
    local name, entry, run, attempt, delivery, id, index, mode, after, max, code, text = unpack(ARGV, i, i + 11)
    local type = of_type(name)
    local item = {mode = mode, after = num(after), text = text}
    local answer = 2
    local of_batch = name == 'notify' and index == '1'
    local job = of_batch and load_batch(id) or load_job(id)
    local yes, consumer, idle = pending(type, entry, delivery)
    if yes and (mode ~= 'lost' or consumer == me) then
        local task = entry_task(type, entry)
        close_delivery(type, entry, job.s[of_batch and B_OWNER or OWNER])
        if not of_batch and job.exists then put(job, 'out:' .. name .. ':' .. index, '') end
        if task and (of_batch or wanted(job.s, run, not AFTER_END[name])) then
            if not AFTER_END[name] then
                seen_again(job, idle)
                landed(job)
            end
            local spent = mode == 'retry' and task.attempt >= num(max)
            local poison = mode == 'lost' and task.losses + 1 >= LOSSES_MAX
            if mode == 'refused' or spent or poison then
                bury(name, job, run, index, poison and 'poison' or code, text)
                answer = 3
            else
                if of_batch then item.text = '' end
                again(job, of_batch, name, task, num(delivery), item)
                count(name, mode)
                answer = 1
            end
        end
    end
    answers[#answers + 1] = answer
end
finish()
return answers
