-- give_back: deliveries that nobody works on: no room after all, a drain, an unreachable worker.
--
-- Promises: stays pending (under the name ~returned), is served first at the next take with the next delivery
-- number; spends no attempt and no loss.  Only what is pending under the caller's name with this delivery.
-- ARGV: dispatcher, then per item: type, entry, delivery, job, run.  Answers how many were given back.
local me, given = ARGV[1], 0
for i = 2, #ARGV, 5 do
    local name, entry, delivery, id, run = unpack(ARGV, i, i + 4)
    local type = of_type(name)
    local yes, consumer, idle = pending(type, entry, delivery)
    if yes and consumer == me then
        call('XCLAIM', type.key, GROUP, RETURNED, 0, entry, 'JUSTID')
        call('RPUSH', P .. 'returned:' .. name, entry)
        type.woken = true
        given = given + 1
        if not AFTER_END[name] then
            local job = load_job(id)
            if live(job.s, run) then
                seen_again(job, idle)
                landed(job)
            end
        end
    end
end
finish()
return given
