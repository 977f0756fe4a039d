-- promote: tasks whose time has come leave `later`, first among their owner's.
--
-- Promises: by Redis's clock, so that dispatchers need not agree on the time; nothing waits for as long as that clock was set back; what belongs
-- to an ended job or an older run is dropped.  ARGV: most to move.  Answers ms until the next is due, -1 when there is none.
-- Also admits what waits though there is a place: whatever frees a place does that, but not who deletes a stream or raises a cap by hand.
local later = P .. 'later'
local SET_BACK_MS = 1000 -- a clock that is so much behind what it said was set back
local function from_the_future(member) return num(match(member, '(%d+)$')) - NOW > SET_BACK_MS end
local last = call('ZRANGE', later, -1, -1)[1]
if last and from_the_future(last) then
    call('ZREM', later, '') -- a first write that full memory does not refuse
    for _, member in ipairs(call('ZRANGE', later, 0, -1)) do
        if from_the_future(member) then call('ZADD', later, 'XX', NOW_TEXT, member) end
    end
end
local due = call('ZRANGEBYSCORE', later, '-inf', NOW_TEXT, 'LIMIT', 0, num(ARGV[1]))
for _, member in ipairs(due) do
    call('ZREM', later, member)
    local name, owner, packed = match(member, '^(%S+) (%S+) %S+ (%S+ %S+ %S+ %S+ %S+ %S+ %S+)')
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
