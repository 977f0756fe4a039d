-- core: what every script begins with: the shard, the time, packed tasks.  Put before each of them by lib/scripts.c.
--
-- Scripts do not roll back, so each keeps to one order: check everything, then write, and let the first
-- write be one that full memory cannot refuse (XACK, XCLAIM, ZREM, DEL); after it nothing fails.
--
-- What they cost is what the engine costs: Redis has one thread, and of what it spends on a job the commands are the smaller half.  A
-- command is 0.3 to 1 µs and 0.1 to 0.3 more for each field; an instruction of the interpreter is 10 ns, a table, a text put together, a
-- pattern, a number printed are 0.2 to 0.9 µs each, and to make fifty functions anew is 25.  Hence: functions are made once and kept
-- (serve.lua); what changes with every step of a job stands in one field that C code takes apart and puts together; it is read and
-- written once per call, whatever happens to the job in between; and what many tasks change is summed up per type and written once.
local call, pcall = redis.call, redis.pcall
local format, match, gmatch, concat, num_of = string.format, string.match, string.gmatch, table.concat, tonumber
local GROUP = 'dispatchers'
local AFTER_END = {notify = true, render = true} -- types that belong to no job state and no count

-- A number as a text.  Lua prints large ones as 1.7e+15, and small ones by way of floating point, ten times slower than they are found here.
local SMALL = {[0] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'}
local function int(n) return SMALL[n] or format('%d', n) end
local function num(text) return num_of(text) or 0 end

-- What one call knows, all of it, begun anew by each: the parts have no other variables.  P the shard's prefix; NOW ms;
-- NOW_US µs, as a text; events: lines that finish() announces; types, jobs, batches by name or id, and in the order of their first use;
-- fair, policies: hashes, once they were read; sweeps: of `sweep`: score, member, score, member …
local P, ARGS, NOW, NOW_TEXT, NOW_US, events, types, jobs, job_list, batches, batch_list, fair, policies, sweeps
local function begin(keys, args)
    P, ARGS = keys[1], args
    local time = call('TIME')
    NOW = (time[1] * 1000000 + time[2] - time[2] % 1000) / 1000
    NOW_TEXT, NOW_US = format('%d', NOW), format('%d', time[1] * 1000000 + time[2])
    events, types, jobs, job_list, batches, batch_list, fair, policies, sweeps = {}, {}, {}, {}, {}, {}, nil, nil, {}
end

-- A task's packed text: job run index attempt losses base since.  Total: what is unreadable belongs to no job and is dropped by whoever
-- meets it; words of a later version are passed over.
local TASK = '^([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+)'
local function new_task(job, run, index) return job .. ' ' .. run .. ' ' .. index .. ' 1 0 0 ' .. NOW_TEXT end

-- What a call learns and changes of a type of task, written by finish().
local function of_type(name)
    local type = types[name]
    if not type then
        type = {name = name, key = P .. 'tasks:' .. name, in_state = not AFTER_END[name], held = {}, waits = 0, done = 0, counts = false,
                len = false, window = false, ring = false, freed = false, woken = false, room = 0, wish = false, plan = false, follow = false}
        types[name] = type
    end
    return type
end
local function count(name, what)
    local type = of_type(name)
    type.counts = type.counts or {}
    type.counts[what] = (type.counts[what] or 0) + 1
end

-- The names of the fields that a job has for a type: opened, done, first start, last end, workers.  Kept like the functions: they never change.
local NAMES = {}
local function names_of(type)
    local name = type.name
    local names = NAMES[name]
    if not names then
        names = {out = 'out:' .. name .. ':', res = 'res:' .. name .. ':', n = 'n:' .. name, d = 'd:' .. name, s = 's:' .. name,
                 e = 'e:' .. name, by = 'by:' .. name}
        NAMES[name] = names
    end
    return names
end
