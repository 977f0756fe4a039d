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
local format, match, gmatch, concat, num_of = string.format, string.match, string.gmatch, table.concat, tonumber
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
-- shard; NOW ms; NOW_US µs, as a text; types, jobs, batches: those that the call met, in their order, the last two also by id; events: lines that
-- finish() announces; fair, policies: hashes, once they were read; sweeps: of `sweep`: score, member, score, member …; mine: the tasks that this
-- very call opened, packed text → index, and mine_of: the same → job, so that a take need not take them apart again.
local P, K, ARGS, NOW, NOW_TEXT, NOW_US, events, types, jobs, job_list, batches, batch_list, fair, policies, sweeps, mine, mine_of

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
    NOW = (time[1] * 1000000 + time[2] - time[2] % 1000) / 1000
    NOW_TEXT, NOW_US = format('%d', NOW), format('%d', time[1] * 1000000 + time[2])
    K = shard_of(P)
    K.call = K.call + 1
    events, types, jobs, job_list, batches, batch_list, fair, policies, sweeps, mine, mine_of = {}, {}, {}, {}, {}, {}, nil, nil, {}, {}, {}
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
                len = false, window = false, ring = false, freed = false, woken = false, room = 0, wish = false, plan = false, follow = false, entries = false, read = false,
                out = 'out:' .. name .. ':', res = 'res:' .. name .. ':', n = 'n:' .. name, d = 'd:' .. name, s = 's:' .. name,
                e = 'e:' .. name, by = 'by:' .. name, cap = 'cap:' .. name, of_done = 'done:' .. name, held_key = P .. 'held:' .. name,
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
