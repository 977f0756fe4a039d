-- ends: how jobs end, and tasks that nobody gets done.
local function policy(name)
    if not policies then
        policies = {}
        local flat = call('HGETALL', P .. 'policy')
        for i = 1, #flat, 2 do policies[flat[i]] = flat[i + 1] end
    end
    return policies[name]
end
local function wants_notice(of)
    local when = policy('notify') or 'never'
    return when == of or when == 'both'
end

-- The terminal state, set once per run: by the commit of the last task, by bury or by cancel.
local function end_job(job, state)
    local s = job.s
    move_batch(s, s[STATE], state)
    s[STATE], s[MSG], job.changed = state, '', true
    put(job, 'finished', NOW_TEXT)
    local keep = num(policy(state == 'finished' and 'keep_finished' or 'keep_failed') or 604800000)
    job.expire_ms = int(keep + 3600000) -- the blobs go first: sweep needs the job to find them
    local n = #sweeps
    if state == 'finished' then
        sweeps[n + 1], sweeps[n + 2] = int(NOW + 60000), job.id .. ' upload'
        n = n + 2
    end
    sweeps[n + 1], sweeps[n + 2] = int(NOW + keep), job.id .. ' all'
    if wants_notice('job') then open_stage(job, of_type('notify'), 0, 1) end
end

local function bury(name, job, run, index, code, text)
    local member = name .. ' ' .. job.id .. ' ' .. index
    call('ZADD', P .. 'dead', NOW_TEXT, member)
    call('HSET', P .. 'deadwhy', member, cjson.encode({type = name, job = job.id, index = num(index), run = run, code = code, text = text, at = NOW}))
    count(name, 'buried')
    if AFTER_END[name] and index == '0' and job.s[RUN] == run then -- no state's affair, but people look here
        job.s[MSG], job.changed = text, true
    end
    if AFTER_END[name] or not live(job.s, run) then return end
    put(job, 'err', cjson.encode({code = code, text = text, stage = name, index = num(index)}))
    end_job(job, 'failed')
end

-- A batch's message has the moment of its end as its run, in µs like all runs: whoever sends it dates it by that, and knows it again however
-- often it is opened.
local function batch_notice(batch) return new_task(batch.id, batch.s[ENDED] .. '000', '1') end

-- A batch ends when sealed and all its jobs are terminal; once, also after kick or re-run.
local function close_batch_if_done(batch)
    local b = batch.s
    if b[ENDED] ~= '0' or b[SEALED] ~= '1' or b[COUNTS.queued] ~= '0' or b[COUNTS.started] ~= '0' then return end
    b[ENDED] = NOW_TEXT
    batch.expire_ms = policy('keep_batch') or '2592000000'
    if wants_notice('batch') and b[JOBS] ~= '0' then open_task(of_type('notify'), b[B_OWNER], '2', batch_notice(batch)) end
end
