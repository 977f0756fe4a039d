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
        woken[type] = true
        finish()
    end
    return 'ok'
end

local member = type .. ' ' .. id .. ' ' .. index
if not call('ZSCORE', P .. 'dead', member) then return 'unknown' end
if verb == 'kick' then
    local of = index == '1' and load_batch(id) or load_job(id)
    if not AFTER_END[type] or not of.exists then return 'unknown' end
    call('ZREM', P .. 'dead', member)
    open_task(type, of.value.owner, 2, pack_task(id, of.value.run or int(NOW), index, 1, 0, 0, int(NOW)))
else
    call('ZREM', P .. 'dead', member)
end
call('HDEL', P .. 'deadwhy', member)
finish()
return 'ok'
