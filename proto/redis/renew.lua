-- renew: the leases of what a dispatcher holds, all in one call.
--
-- Promises: renews only what is pending under the caller's name with the caller's delivery (a plain XCLAIM
-- would steal it back from a new owner), and says what is lost or no longer wanted.  The time that a machine slept is not the job's.
-- ARGV: dispatcher, then per item: type, entry, delivery, job, run.  Answers per item 1 kept, 2 lost, 3 superseded.
local me, answers, keep, slept = ARGV[1], {}, {}, false
for i = 2, #ARGV, 5 do
    local name, entry, delivery, id, run = unpack(ARGV, i, i + 4)
    local type = of_type(name)
    local yes, consumer, idle = pending(type, entry, delivery)
    local answer = 2
    if yes and consumer == me then
        answer = 1
        keep[type] = keep[type] or {}
        table.insert(keep[type], entry)
        local job = not AFTER_END[name] and load_job(id)
        if job and not live(job.s, run) then answer = 3 end
        if job and answer == 1 and seen_again(job, idle) then slept = true end
    end
    answers[#answers + 1] = answer
end
for type, entries in pairs(keep) do
    for from = 1, #entries, 500 do
        local some = {unpack(entries, from, math.min(from + 499, #entries))}
        some[#some + 1] = 'JUSTID'
        call('XCLAIM', type.key, GROUP, me, 0, unpack(some))
    end
end
if slept then finish() end
return answers
