-- finish: the last thing that a script does: writes what has become of jobs, batches and counters, and announces it, one message per
-- channel and call.
local function write_counters(type)
    if type.len and type.len <= 0 then
        call('DEL', P .. 'held:' .. type.name) -- also mends a count whose job was gone
    else
        for owner, change in pairs(type.held) do
            if change ~= 0 and call('HINCRBY', P .. 'held:' .. type.name, owner, change) <= 0 then call('HDEL', P .. 'held:' .. type.name, owner) end
        end
    end
    if type.waits ~= 0 then call('HINCRBY', P .. 'waiting', type.name, type.waits) end
    if type.done > 0 then call('HINCRBY', P .. 'totals', 'done:' .. type.name, type.done) end
    if type.counts then
        for what, n in pairs(type.counts) do call('HINCRBY', P .. 'totals', what .. ':' .. type.name, n) end
    end
end

local function finish()
    for i = 1, #job_list do
        local job = job_list[i]
        if job.changed then
            local s = job.s
            s[SEQ] = int(s[SEQ] + 1)
            events[#events + 1] = 'j ' .. job.id .. ' ' .. s[SEQ] .. ' ' .. s[BATCH] .. ' ' .. s[STATE]
            save_job(job)
            if job.expire_ms then call('PEXPIRE', job.key, job.expire_ms) end
        elseif job.touched then
            save_job(job)
        end
    end
    for i = 1, #batch_list do
        local batch = batch_list[i]
        if batch.changed then
            local s = batch.s
            close_batch_if_done(batch)
            s[B_SEQ] = int(s[B_SEQ] + 1)
            save_batch(batch)
            if batch.expire_ms then
                call('PEXPIRE', batch.key, batch.expire_ms)
                call('PEXPIRE', batch.key .. ':jobs', batch.expire_ms)
            end
            events[#events + 1] = 'b ' .. batch.id .. ' ' .. s[B_SEQ] .. ' ' .. (s[ENDED] ~= '0' and '1' or '0')
        end
    end
    admit_freed()
    for from = 1, #sweeps, 1000 do call('ZADD', P .. 'sweep', unpack(sweeps, from, math.min(from + 999, #sweeps))) end
    local wake = {}
    for name, type in pairs(types) do
        write_counters(type)
        if type.woken and call('HDEL', P .. 'hungry', name) == 1 then wake[#wake + 1] = name end
    end
    if #wake > 0 then call('PUBLISH', 'sheaf:wake', match(P, '{(%x+)}') .. ' ' .. concat(wake, ' ')) end
    if #events > 0 then call('PUBLISH', 'sheaf:events', concat(events, '\n')) end
end
