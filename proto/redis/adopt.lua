-- adopt: a worker's dispatcher fell silent; it offers what it holds to another one.
--
-- Promises: accepts what is still pending with exactly this token, of a live run; it is then pending under the
-- caller's name with the same delivery number, and the worker goes on undisturbed.
-- ARGV: dispatcher, then per item: type, entry, delivery, job, run.  Answers per item 1 adopted, 2 superseded.
local me, answers = ARGV[1], {}
for i = 2, #ARGV, 5 do
    local name, entry, delivery, id, run = unpack(ARGV, i, i + 4)
    local type = of_type(name)
    local yes, consumer, idle = pending(type, entry, delivery)
    local of_batch = name == 'notify'
    local answer = 2
    if yes and (of_batch or live(load_job(id).s, run)) then
        call('XCLAIM', type.key, GROUP, me, 0, entry, 'JUSTID')
        if consumer == RETURNED then
            call('LREM', P .. 'returned:' .. name, 1, entry)
            if not of_batch then took_off(load_job(id)) end
        elseif not of_batch then
            seen_again(load_job(id), idle)
        end
        answer = 1
    end
    answers[#answers + 1] = answer
end
finish()
return answers
