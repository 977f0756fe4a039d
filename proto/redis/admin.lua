-- admin: what an operator does to a stage, or to one buried task.
--
-- Promises: pause and resume hold back or give free what is taken of a type, and touch nothing in hand; drop forgets a
-- burial and changes no job; kick opens a buried notice again (a job's own buried task is kicked by rerun.lua,
-- which opens all of the job that was not done).
-- ARGV: pause│resume <type>  │  drop│kick <type> <job> <index>.  Answers ok │ unknown.
local verb, type, id, index = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if verb == 'pause' then
    call('SADD', P .. 'paused', type)
    return 'ok'
end
if verb == 'resume' then
    if call('SREM', P .. 'paused', type) == 1 then
        call('HSET', P .. 'hungry', type, 1) -- while paused nobody's take noted that it found too little
        of_type(type).woken = true
        finish()
    end
    return 'ok'
end

local member = type .. ' ' .. id .. ' ' .. index
if not call('ZSCORE', P .. 'dead', member) then return 'unknown' end
if verb == 'kick' then
    local of_batch = index == '1'
    local of = of_batch and load_batch(id) or load_job(id)
    if not AFTER_END[type] or not of.exists then return 'unknown' end
    call('ZREM', P .. 'dead', member)
    open_task(of_type(type), of.s[of_batch and B_OWNER or OWNER], '2', of_batch and batch_notice(of) or new_task(id, of.s[RUN], index))
else
    call('ZREM', P .. 'dead', member)
end
call('HDEL', P .. 'deadwhy', member)
finish()
return 'ok'
