-- deliveries: tasks that are in somebody's hand.
--
-- Every script that ends a delivery asks first whether it is still the one that counts.  Two places know: the stream's list of pending
-- entries, and the job, whose field out:<type>:<index> is "!" and the token of the task's last delivery, from the take that made it to
-- whatever ends it.  Both change in the same step, so they say the same; commit asks the job, all others ask the stream.
local RETURNED = '~returned'

-- Answers also under whose name it is pending, and for how long.
local function pending(type, entry, delivery)
    local reply = pcall('XPENDING', type.key, GROUP, entry, entry, 1)
    local row = not reply.err and reply[1]
    if not row or row[4] ~= num(delivery) then return false end
    return true, row[2], row[3]
end

local function left_stream(type, owner) -- an entry is gone: there is a place for another
    local held = type.held
    type.len = (type.len or stream_len(type)) - 1
    held[owner] = (held[owner] or 0) - 1
    type.freed = true
end
-- Ends a delivery.  XACK first: full memory does not refuse it.
local function close_delivery(type, entry, owner)
    stream_len(type) -- as it is before
    call('XACK', type.key, GROUP, entry)
    call('XDEL', type.key, entry)
    left_stream(type, owner)
end

-- A job's time in flight: from the first delivery in hand to the last, waiting does not count.
local function took_off(job)
    local s = job.s
    if s[FLY] == '0' then
        if job.landed then job.landed = false else s[SINCE] = NOW_TEXT end -- down and up in one step is not down
    end
    s[FLY], job.touched = up(s[FLY]), true
end
-- `unseen`: for so long nobody renewed it, and nobody is known to have worked on it.
local function stood_still(job, unseen)
    local s = job.s
    s[SINCE], job.touched = int(math.min(NOW, s[SINCE] + unseen)), true
end
-- What was not renewed for longer than any lease, and is in hand all the same, was on a machine that slept, or Redis was away.
local LONGEST_LEASE_MS = 600000
local function seen_again(job, unseen)
    local slept = unseen > LONGEST_LEASE_MS and job.s[FLY] ~= '0'
    if slept then stood_still(job, unseen) end
    return slept
end
-- Asked only of what is in flight for so long, as it costs a command: a machine that wakes up says results before it renews.
local function woken_up(job, type, entry)
    local row = call('XPENDING', type.key, GROUP, entry, entry, 1)[1]
    if row then seen_again(job, row[3]) end
end
local function landed(job, unseen)
    local s = job.s
    if s[FLY] == '0' then return end
    s[FLY], job.touched = down(s[FLY]), true
    job.landed = s[FLY] == '0'
    if job.landed and unseen then stood_still(job, unseen) end
end
local function in_flight_ms(job)
    local s = job.s
    return s[BUSY] + ((s[FLY] ~= '0' or job.landed) and NOW - s[SINCE] or 0)
end

local function entry_task(type, entry)
    local found = call('XRANGE', type.key, entry, entry)[1]
    if not found then return nil end
    local job, run, index, attempt, losses, base, since = match(found[2][2], TASK)
    return job and {job = job, run = run, index = index, attempt = num(attempt), losses = num(losses), base = num(base), since = since}
end
