-- defer: deliveries that ended without a result.
--
-- Promises, per item: fenced as in commit.  retry: attempt + 1, due after after_ms, buried beyond `max`.
-- throttled: due after after_ms, nothing spent.  lost: the worker died; losses + 1, offered again at once, buried
-- as poison at the third.  refused: buried at once.  A burial ends the job as failed.
-- ARGV: 12 per item: type, entry, run, attempt, delivery, job, index, mode, after_ms, max, code, text.
-- Answers per item 1 waits again, 2 superseded, 3 buried.
local LOSSES_MAX = 3
local answers = {}

local function again(job, type, task, delivery, item)
    local owner, class = job.value.owner, job.value.class
    if item.mode == 'lost' then
        return open_task(type, owner, 0, pack_task(task.job, task.run, task.index, task.attempt, task.losses + 1, delivery, task.since))
    end
    local attempt, base = task.attempt, delivery
    if item.mode == 'retry' then attempt, base = attempt + 1, 0 end
    local packed = pack_task(task.job, task.run, task.index, attempt, task.losses, base, int(task.since))
    call('ZADD', P .. 'later', int(NOW + item.after), type .. ' ' .. owner .. ' ' .. class .. ' ' .. packed)
    if item.text ~= '' then
        set(job, 'msg', item.text)
        set(job, 'msg_until', int(NOW + item.after))
        job_changed(job)
    end
end

for i = 1, #ARGV, 12 do
    local type, entry, run, attempt, delivery, id, index, mode, after, max, code, text = unpack(ARGV, i, i + 11)
    local item = {mode = mode, after = num(after), text = text}
    local answer = 2
    local of_batch = type == 'notify' and index == '1'
    local job = of_batch and load_batch(id) or load_job(id)
    if pending(type, entry, delivery) then
        local task = entry_task(type, entry)
        close_delivery(type, entry, job.value.owner)
        if task and (of_batch or AFTER_END[type] and job.value.run == run or live(job, run)) then
            if not AFTER_END[type] then landed(job) end
            job.value.class = job.value.class or 2
            local spent = mode == 'retry' and task.attempt >= num(max)
            local poison = mode == 'lost' and task.losses + 1 >= LOSSES_MAX
            if mode == 'refused' or spent or poison then
                bury(type, task, job, poison and 'poison' or code, text)
                answer = 3
            else
                if of_batch then item.text = '' end
                again(job, type, task, num(delivery), item)
                count(mode, type)
                answer = 1
            end
        end
    end
    answers[#answers + 1] = answer
end
finish()
return answers
