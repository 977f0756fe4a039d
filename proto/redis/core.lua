-- core: what every script begins with: the shard, the time, packed tasks.  Put before each of them by lib/scripts.c.
--
-- Scripts do not roll back, so each keeps to one order: check everything, then write, and let the first
-- write be one that full memory cannot refuse (XACK, XCLAIM, ZREM, DEL); after it nothing fails.
--
-- What they cost is what the engine costs: Redis has one thread, and of what it spends on a job the commands are the smaller half.  A
-- command is 0.3 to 1 µs and 0.1 to 0.3 more for each field; an instruction of the interpreter is 10 ns, a table, a text put together, a
-- pattern, a number printed are 0.2 to 0.9 µs each, and to make fifty functions anew is 25.  Hence: functions are made once and kept
-- where Redis lets us (lib/scripts.c); what changes with every step of a job stands in one field that C code takes apart and puts together; it is read and
-- written once per call, whatever happens to the job in between; and what many tasks change is summed up per type and written once.
local call, pcall = redis.call, redis.pcall
local format, match, gmatch, sub, concat, num_of = string.format, string.match, string.gmatch, string.sub, table.concat, tonumber
local GROUP = 'dispatchers'
local AFTER_END = {notify = true, render = true} -- types that belong to no job state and no count

-- A number as a text.  Lua prints large ones as 1.7e+15, and small ones by way of floating point, ten times slower than they are found here.
local SMALL = {[0] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'}
local function int(n) return SMALL[n] or format('%d', n) end
local function num(text) return num_of(text) or 0 end
-- One more, one less, from text to text.  A field that is not there counts as none.
local UP, DOWN = {[''] = '1'}, {}
for n = 0, 11 do UP[SMALL[n]], DOWN[SMALL[n + 1]] = SMALL[n + 1], SMALL[n] end
local function up(text) return UP[text] or int(text + 1) end
local function down(text) return DOWN[text] or int(text - 1) end

-- What one call knows, all of it, begun anew by each: the parts have no other variables.  P the shard's prefix, K what is kept of this
-- shard; NOW ms; NOW_US µs, as a text; types: those that the call met, in their order; jobs, batches: likewise, by id; events: lines that
-- finish() announces; fair, policies: hashes, once they were read; sweeps: of `sweep`: score, member, score, member …; mine: the tasks that this
-- very call opened, packed text → job, so that a take need not take them apart again.
local P, K, ARGS, NOW, NOW_TEXT, NOW_US, events, types, jobs, batches, fair, policies, sweeps, mine

-- Tables that every call needs anew are kept and overwritten; what goes beyond is made anew.  Nearly half of what a call allocated was such tables,
-- and what is kept is still in the cache.  MET_JOBS, MET_BATCHES: those of the call, its first n_jobs and n_batches places.
local MET_JOBS, MET_BATCHES, KEPT_MOST, n_jobs, n_batches = {}, {}, 256, 0, 0
local function begin_list(list, n)
    for i = KEPT_MOST + 1, n do list[i] = nil end
end

-- Kept of each shard, like the functions: names of keys, and the types with the names that belong to them.  What a call learns and changes of
-- a type stands with it, and is begun anew by the first of_type() or renew_type() of a call.
local SHARDS = {}
local function shard_of(prefix)
    local kept = SHARDS[prefix]
    if not kept then
        kept = {types = {}, call = 0, job = prefix .. 'job:', batch = prefix .. 'batch:', fair = prefix .. 'fair', window = prefix .. 'window',
                hungry = prefix .. 'hungry', paused = prefix .. 'paused', waiting = prefix .. 'waiting', totals = prefix .. 'totals',
                sweep = prefix .. 'sweep', name = match(prefix, '{(%x+)}') or ''}
        SHARDS[prefix] = kept
    end
    return kept
end
local function begin(keys, args)
    P, ARGS = keys[1], args
    local time = call('TIME')
    NOW_US = format('%d%06d', time[1], time[2])
    NOW_TEXT = sub(NOW_US, 1, -4)
    NOW = num_of(NOW_TEXT)
    K = shard_of(P)
    K.call = K.call + 1
    begin_list(MET_JOBS, n_jobs)
    begin_list(MET_BATCHES, n_batches)
    events, types, jobs, n_jobs, batches, n_batches, fair, policies, sweeps, mine = {}, {}, {}, 0, {}, 0, nil, nil, {}, {}
end

-- A task's packed text: job run index attempt losses base since.  Total: what is unreadable belongs to no job and is dropped by whoever
-- meets it; words of a later version are passed over.
local TASK = '^([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+)'
local function new_task(job, run, index) return job .. ' ' .. run .. ' ' .. index .. ' 1 0 0 ' .. NOW_TEXT end

-- A type as this call finds it: held: owner → change of its tasks in the stream; the other fields say what is known (false: not yet) and
-- what is to be written by finish().
local function renew_type(type)
    if type.call == K.call then return type end
    type.call, type.held, type.waits, type.done, type.counts, type.len, type.window, type.ring, type.freed, type.woken =
        K.call, {}, 0, 0, false, false, false, false, false, false
    types[#types + 1] = type
    return type
end
local function of_type(name)
    local type = K.types[name]
    if not type then
        type = {name = name, key = P .. 'tasks:' .. name, in_state = not AFTER_END[name], call = 0, held = false, waits = 0, done = 0, counts = false,
                len = false, window = false, ring = false, freed = false, woken = false, room = 0, wish = false, plan = false, follow = false, entries = false, read = false, rows = false, n_rows = 0,
                out = 'out:' .. name .. ':', res = 'res:' .. name .. ':', stage = 'stage:' .. name, cap = 'cap:' .. name, of_done = 'done:' .. name, held_key = P .. 'held:' .. name,
                ring_key = P .. 'ring:' .. name, deficit_key = P .. 'deficit:' .. name, returned_key = P .. 'returned:' .. name}
        K.types[name] = type
    end
    return renew_type(type)
end
local function count(name, what)
    local type = of_type(name)
    type.counts = type.counts or {}
    type.counts[what] = (type.counts[what] or 0) + 1
end
