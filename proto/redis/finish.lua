-- finish: the last thing that a script does: writes what has become of jobs, batches and counters, and announces it, one message per
-- channel and call.
local function write_counters(type)
    if type.len and type.len <= 0 then
        call('DEL', type.held_key) -- also mends a count whose job was gone
    else
        for owner, change in pairs(type.held) do
            if change ~= 0 and call('HINCRBY', type.held_key, owner, int(change)) <= 0 then call('HDEL', type.held_key, owner) end
        end
    end
    if type.waits ~= 0 then call('HINCRBY', K.waiting, type.name, int(type.waits)) end
    if type.done > 0 then call('HINCRBY', K.totals, type.of_done, int(type.done)) end
    if type.counts then
        for what, n in pairs(type.counts) do call('HINCRBY', K.totals, what .. ':' .. type.name, int(n)) end
    end
end

local function finish()
    for i = 1, n_jobs do
        local job = MET_JOBS[i]
        if job.changed then
            local s = job.s
            s[SEQ] = up(s[SEQ])
            events[#events + 1] = 'j ' .. job.id .. ' ' .. s[SEQ] .. ' ' .. s[BATCH] .. ' ' .. s[STATE]
            save_job(job)
            if job.expire_ms then call('PEXPIRE', job.key, job.expire_ms) end
        elseif job.touched then
            save_job(job)
        end
    end
    for i = 1, n_batches do
        local batch = MET_BATCHES[i]
        if batch.changed then
            local s = batch.s
            close_batch_if_done(batch)
            s[B_SEQ] = up(s[B_SEQ])
            save_batch(batch)
            if batch.expire_ms then
                call('PEXPIRE', batch.key, batch.expire_ms)
                call('PEXPIRE', batch.key .. ':jobs', batch.expire_ms)
            end
            events[#events + 1] = 'b ' .. batch.id .. ' ' .. s[B_SEQ] .. ' ' .. (s[ENDED] ~= '0' and '1' or '0')
        end
    end
    admit_freed()
    for from = 1, #sweeps, 1000 do call('ZADD', K.sweep, unpack(sweeps, from, math.min(from + 999, #sweeps))) end
    local wake = ''
    for i = 1, #types do
        local type = types[i]
        write_counters(type)
        if type.woken and call('HDEL', K.hungry, type.name) == 1 then wake = wake .. ' ' .. type.name end
    end
    if wake ~= '' then call('PUBLISH', 'sheaf:wake', K.name .. wake) end
    if #events > 0 then call('PUBLISH', 'sheaf:events', concat(events, '\n')) end
end
