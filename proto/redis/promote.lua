-- promote: tasks whose time has come leave `later`, first among their owner's.
--
-- Promises: by Redis's clock, so that dispatchers need not agree on the time; what belongs to an ended job or an older
-- run is dropped.  ARGV: most to move.  Answers ms until the next is due, -1 when there is none.
local later = P .. 'later'
local due = call('ZRANGEBYSCORE', later, '-inf', int(NOW), 'LIMIT', 0, num(ARGV[1]))
for _, member in ipairs(due) do
    call('ZREM', later, member)
    local type, owner, packed = string.match(member, '^(%S+) (%S+) %S+ (.+)$')
    local task = unpack_task(packed)
    local of_batch = type == 'notify' and task.index == '1'
    local job = not of_batch and load_job(task.job)
    if of_batch or AFTER_END[type] and job.value.run == task.run or live(job, task.run) then
        open_task(type, owner, 0, packed)
    end
end
finish()
local first = call('ZRANGE', later, 0, 0, 'WITHSCORES')
if #first == 0 then return -1 end
return math.max(0, num(first[2]) - NOW)
