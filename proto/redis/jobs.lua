-- jobs: jobs and batches.
--
-- What changes with almost every step stands in the field `state`, eleven texts, each ended by a NUL (of all forms that C code takes apart the
-- cheapest, a third of JSON's cost), whose places are named below; all else in fields
-- of their own.  A job is read with as few commands as may be and written with one, by finish().  Of a job in hand: `s` the array,
-- `known` the fields that were read, `puts` what is to be written (its first `n` places; made long enough at once, since a table that
-- grows is made anew each time), `changed`: others are told (an event, and SEQ goes up), `touched`: there is something to write,
-- `opened`: the field of the task that was opened last, `opened_at` its value's place in `puts`, `opened_packed` and `opened_index` its texts;
-- `landed`: nothing is in hand any more, and its time in flight not yet summed up; `told`: the
-- caller has its `about`; `stages`: those that were read, the first `n_stages`; `long`: `puts` holds a long text.
local STATE, RUN, SEQ, OPEN, FLY, SINCE, BUSY, CLASS, OWNER, BATCH, MSG = 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 -- before them: whether it is a state
local protected, take_apart, encode = _G.pcall, struct.unpack, cjson.encode
local TEXTS = 'sssssssssss'

-- A `state` taken apart into s, and whether it is one; else what stands for none.  Behind the last place stands '', for the last NUL.
local function read_state(s, text, none)
    local is, a, b, c, d, e, f, g, h, i, j, k = false
    if text then is, a, b, c, d, e, f, g, h, i, j, k = protected(take_apart, TEXTS, text) end
    if not is then a, b, c, d, e, f, g, h, i, j, k = unpack(none) end
    s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9], s[10], s[11], s[12] = a, b, c, d, e, f, g, h, i, j, k
    return is
end
local function state_text(s) return concat(s, '\0', 2, 13) end

-- What is counted of a job's stage is a field of such texts, too: tasks opened, done, first start, last end, workers.  In a call: n d s e by.
local OPENED_FIRST = '1\0\0\0\0\0' -- one task, and nothing of it yet
local function stage_text(r) return r.n .. '\0' .. r.d .. '\0' .. r.s .. '\0' .. r.e .. '\0' .. r.by .. '\0' end
local NO_JOB, NO_BATCH = {'', '', '0', '0', '0', '0', '0', '2', '', '', ''}, {'', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0'}

-- A job or batch of this call, with the tables of an earlier one where there are any.
local function place_in(list, n)
    local one = list[n]
    if not one then
        one = {id = '', key = '', exists = false, s = {false, '', '', '', '', '', '', '', '', '', '', '', ''}, known = false, n = 4, changed = false,
               touched = false, opened = false, opened_at = 0, opened_index = '', opened_packed = '', landed = false, told = false, long = false, expire_ms = false,
               stages = {}, n_stages = 0, puts = false}
        list[n] = one
    end
    one.puts = one.puts or {'HSET', '', 'state', '', false, false, false, false, false, false, false, false, false, false, false, false,
                            false, false, false, false, false, false, false, false}
    one.n, one.changed, one.expire_ms = 4, false, false
    return one
end
local function job_from(id, key, text, known)
    n_jobs = n_jobs + 1
    local job = place_in(MET_JOBS, n_jobs)
    job.id, job.key, job.puts[2], job.known, job.touched, job.opened, job.landed = id, key, key, known, false, false, false
    job.told, job.long, job.n_stages = false, false, 0
    job.exists = read_state(job.s, text, NO_JOB)
    jobs[id] = job
    return job
end
-- What is there under a job's name and is no hash is as good as gone, and no reason to fail the others of the call.
local function load_job(id)
    local job = jobs[id]
    if job then return job end
    local key = K.job .. id
    local v = pcall('HMGET', key, 'state')
    return job_from(id, key, v[1], {})
end
-- Does a task of that run still count: while its job lives, or behind the job's end when it belongs there?
local function wanted(s, run, in_state)
    local state = s[STATE]
    return s[RUN] == run and (state == 'started' or state == 'queued' or not in_state)
end
local function live(s, run) return wanted(s, run, true) end
local function get(job, field)
    local value = job.known[field]
    if not value then
        value = job.exists and call('HGET', job.key, field) or ''
        job.known[field] = value
    end
    return value
end
local function get_many(job, fields) -- so that get() finds them all, with one command
    local known, missing = job.known, nil
    for i = 1, #fields do
        if not known[fields[i]] then
            missing = missing or {}
            missing[#missing + 1] = fields[i]
        end
    end
    if not missing then return end
    local values = job.exists and call('HMGET', job.key, unpack(missing)) or {}
    for i = 1, #missing do known[missing[i]] = values[i] or '' end
end
local function put(job, field, value) -- what get() answers in the same call is for the caller to say, in job.known
    local puts, n = job.puts, job.n
    puts[n + 1], puts[n + 2] = field, value
    job.n, job.touched = n + 2, true
end
-- What is counted of a job's stage, as it is written by save_job() when `changed` is set.  What is no such text counts as none.
local function add_stage(job, type, text)
    local is, a, b, c, d, e = false
    if text and text ~= '' then is, a, b, c, d, e = protected(take_apart, 'sssss', text) end
    if not is then a, b, c, d, e = '', '', '', '', '' end
    local stages, n = job.stages, job.n_stages + 1
    local r = stages[n]
    if r then
        r.type, r.n, r.d, r.s, r.e, r.by, r.changed = type, a, b, c, d, e, false
    else
        r = {type = type, n = a, d = b, s = c, e = d, by = e, changed = false}
        stages[n] = r
    end
    job.n_stages = n
    return r
end
local function stage_of(job, type)
    local stages = job.stages
    for i = 1, job.n_stages do
        if stages[i].type == type then return stages[i] end
    end
    return add_stage(job, type, get(job, type.stage))
end
local function save_job(job)
    local s = job.s
    local puts, n, stages = job.puts, job.n, job.stages
    if job.landed then s[BUSY] = int(s[BUSY] + NOW - s[SINCE]) end
    puts[4] = state_text(s)
    for i = 1, job.n_stages do
        local r = stages[i]
        if r.changed then
            puts[n + 1], puts[n + 2] = r.type.stage, stage_text(r)
            n = n + 2
        end
    end
    call(unpack(puts, 1, n))
    if job.long or job.n > 40 then job.puts, job.long = false, false end -- not to be kept
end

-- A batch's array.
local B_OWNER, JOBS, COUNTS, SEALED, EXPECTED, ENDED, B_SEQ = 2, 3, {queued = 4, started = 5, finished = 6, failed = 7, cancelled = 8}, 9, 10, 11, 12
local function load_batch(id)
    local batch = batches[id]
    if batch then return batch end
    local key = K.batch .. id
    local v = pcall('HMGET', key, 'state')
    n_batches = n_batches + 1
    batch = place_in(MET_BATCHES, n_batches)
    batch.id, batch.key, batch.puts[2] = id, key, key
    batch.exists = read_state(batch.s, v[1], NO_BATCH)
    batches[id] = batch
    return batch
end
local function save_batch(batch)
    batch.puts[4] = state_text(batch.s)
    call(unpack(batch.puts, 1, batch.n))
end
local function move_batch(s, from, to)
    local batch = load_batch(s[BATCH])
    if not batch.exists then return end
    local b = batch.s
    from, to = COUNTS[from], COUNTS[to]
    b[from], b[to] = down(b[from]), up(b[to])
    batch.changed = true
end
