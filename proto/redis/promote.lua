-- promote: tasks whose time has come leave `later`, first among their owner's.
--
-- Promises: by Redis's clock, so that dispatchers need not agree on the time; what belongs to an ended job or an older
-- run is dropped.  ARGV: most to move.  Answers ms until the next is due, -1 when there is none.
-- Also admits what waits though there is a place: whatever frees a place does that, but not who deletes a stream or raises a cap by hand.
local later = P .. 'later'
local due = call('ZRANGEBYSCORE', later, '-inf', NOW_TEXT, 'LIMIT', 0, num(ARGV[1]))
for _, member in ipairs(due) do
    call('ZREM', later, member)
    local name, owner, packed = match(member, '^(%S+) (%S+) %S+ (.+)$')
    local id, run, index = match(packed or '', TASK)
    local of_batch = name == 'notify' and index == '1'
    local job = not of_batch and load_job(id or '?')
    if of_batch or wanted(job.s, run, not AFTER_END[name]) then open_task(of_type(name), owner, '0', packed) end
end
local waiting = call('HGETALL', K.waiting)
for i = 1, #waiting, 2 do
    if waiting[i + 1] ~= '0' then of_type(waiting[i]).freed = true end
end
finish()
local first = call('ZRANGE', later, 0, 0, 'WITHSCORES')
if #first == 0 then return -1 end
return math.max(0, num(first[2]) - NOW)
