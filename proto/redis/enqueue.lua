-- enqueue: opens all jobs of one request, all or none, and may be repeated until its answer is known.
--
-- Promises: a job that exists is left alone and answered the same; the same Idempotency-Key with the same
-- documents gives the first answer again, with other documents "conflict"; a batch takes jobs only while it is
-- open and its owner's; the batch is sealed here, or when all that were expected have come.
-- ARGV: batch, new_batch 0│1, owner, class, seal 0│1, expected, mail, key, print, ttl_ms, errors, first, then 4 per job: id, digest, name, about;
-- see README.md.  Answers JSON.
local JOBS_FROM, JOB_WORDS, KEEP_DOC_MS = 13, 4, '2592000000'
local batch_id, owner, class, mail = ARGV[1], ARGV[3], ARGV[4], ARGV[7]

local idem_key = ARGV[8] ~= '' and P .. 'idem:' .. owner .. ':' .. ARGV[8]
local earlier = idem_key and call('GET', idem_key)
if earlier then
    earlier = cjson.decode(earlier)
    if earlier.print ~= ARGV[9] then return '{"error":"conflict"}' end
    -- The first answer's own jobs: this very call was made before, and only its answer got lost.
    local own = string.find(earlier.answer, ARGV[JOBS_FROM], 1, true)
    return '{"answer":' .. earlier.answer .. ',"replay":' .. (own and 'false' or 'true') .. '}'
end

local batch = load_batch(batch_id)
if ARGV[2] == '0' and (not batch.exists or batch.s[B_OWNER] ~= owner) then return '{"error":"unknown_batch"}' end
local is_new, known = not batch.exists, {} -- known: of the jobs that are there already, whether their documents were known
if not is_new then -- a batch that this very call opens has none
    local fresh = false
    for i = JOBS_FROM, #ARGV, JOB_WORDS do
        known[i] = call('HGET', K.job .. ARGV[i], 'dup')
        fresh = fresh or not known[i]
    end
    if fresh and batch.s[SEALED] == '1' then return '{"error":"closed_batch"}' end
end

-- The stages that each job opens: mostly those of the call before.
local first = K.first
if not first or first.of ~= ARGV[12] then
    first = {of = ARGV[12]}
    for stage in gmatch(ARGV[12], '%S+') do first[#first + 1] = of_type(stage) end
    K.first = first
end
local b, run, opened, row = batch.s, NOW_US, 0, ''
for i = 1, #first do
    if renew_type(first[i]).in_state then opened = opened + 1 end
end
opened = int(opened)
if is_new then b[B_OWNER], b[EXPECTED] = owner, ARGV[6] end

local rows, added = {}, 0
for i = JOBS_FROM, #ARGV, JOB_WORDS do
    local id, name, dup = ARGV[i], ARGV[i + 2], known[i]
    if not dup then
        local last = call('SET', P .. 'doc:' .. owner .. ':' .. ARGV[i + 1], id, 'PX', KEEP_DOC_MS, 'GET')
        dup = last and last ~= id and '1' or '0'
        local own_run = run
        if dup == '1' then -- it writes the records of an earlier job: behind a clock that was set back nothing of it would be kept
            local before = num(load_job(last).s[RUN])
            if before >= num(run) then own_run = int(before + 1) end
        end
        local s = {true, 'queued', own_run, '1', opened, '0', '0', '0', class, owner, batch_id, '', ''}
        local fields, n = {'HSET', K.job .. id, 'state', state_text(s), 'created', NOW_TEXT, 'name', name, 'dup', dup, 'about', ARGV[i + 3], '', '', '', '', '', ''}, 12
        for k = 1, #first do
            local type = first[k]
            fields[n + 1], fields[n + 2], fields[n + 3], fields[n + 4] = type.out .. '0', '', type.stage, OPENED_FIRST
            n = n + 4
            open_task(type, owner, class, new_task(id, own_run, '0'))
        end
        if mail ~= '' then
            fields[n + 1], fields[n + 2] = 'mail', mail
            n = n + 2
        end
        call(unpack(fields, 1, n))
        call('RPUSH', batch.key .. ':jobs', id)
        call('ZADD', P .. 'owned:' .. owner, NOW_TEXT, id)
        events[#events + 1] = 'j ' .. id .. ' 1 ' .. batch_id .. ' queued'
        added = added + 1
    end
    local is = dup == '1' and 'true' or 'false'
    row = '{"filename":' .. encode(name) .. ',"job_id":"' .. id .. '","is_duplicate":' .. is .. ',"is_own_duplicate":' .. is .. '}'
    rows[#rows + 1] = row
end
if added > 0 then b[JOBS], b[COUNTS.queued] = int(b[JOBS] + added), int(b[COUNTS.queued] + added) end

put(batch, 'touched', NOW_TEXT)
if is_new then put(batch, 'created', NOW_TEXT) end
if mail ~= '' then put(batch, 'mail', mail) end
batch.changed = true
if ARGV[5] == '1' or (b[EXPECTED] ~= '0' and num(b[JOBS]) >= num(b[EXPECTED])) then
    b[SEALED] = '1'
    if not is_new then call('ZREM', P .. 'opens', batch_id) end
else
    call('ZADD', P .. 'opens', NOW_TEXT, batch_id)
end
-- A long text costs by its bytes each time it is put together: of one job the whole answer is, once.
if #rows ~= 1 then row = concat(rows, ',') end
local total = int(#rows)
if idem_key then
    local answer = '{"batch_id":"' .. batch_id .. '","job_ids":[' .. row .. '],"total":' .. total .. ',"errors":' .. ARGV[11] .. '}'
    call('SET', idem_key, encode({print = ARGV[9], answer = answer}), 'PX', ARGV[10])
end
finish()
return '{"answer":{"batch_id":"' .. batch_id .. '","job_ids":[' .. row .. '],"total":' .. total .. ',"errors":' .. ARGV[11] .. '},"replay":false}'
