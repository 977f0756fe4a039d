-- enqueue: opens all jobs of one request, all or none, and may be repeated until its answer is known.
--
-- Promises: a job that exists is left alone and answered the same; the same Idempotency-Key with the same
-- documents gives the first answer again, with other documents "conflict"; a batch takes jobs only while it is
-- open and its owner's; the batch is sealed here, or when all that were expected have come.
-- ARGV[1]: JSON, see README.md. Answers JSON.
local req = cjson.decode(ARGV[1])
local idem_key = req.idem and (P .. 'idem:' .. req.owner .. ':' .. req.idem.key)
if idem_key then
    local earlier = call('GET', idem_key)
    if earlier then
        earlier = cjson.decode(earlier)
        if earlier.print ~= req.idem.print then return '{"error":"conflict"}' end
        -- The first answer's own jobs: this very call was made before, and only its answer got lost.
        local own = string.find(earlier.answer, req.jobs[1].id, 1, true)
        return '{"answer":' .. earlier.answer .. ',"replay":' .. (own and 'false' or 'true') .. '}'
    end
end

local batch = load_batch(req.batch)
if not req.new_batch then
    if not batch.exists or batch.value.owner ~= req.owner then return '{"error":"unknown_batch"}' end
elseif not batch.exists then
    batch.fresh = true
    for name, value in pairs({owner = req.owner, jobs = 0, queued = 0, started = 0, finished = 0, failed = 0, cancelled = 0,
                              sealed = 0, expected = req.expected or 0, ended = '', seq = 0, created = int(NOW)}) do
        set(batch, name, value)
    end
end
local fresh = {}
for _, job in ipairs(req.jobs) do
    if call('EXISTS', P .. 'job:' .. job.id) == 0 then fresh[#fresh + 1] = job end
end
if #fresh > 0 and num(batch.value.sealed) == 1 and batch.exists then return '{"error":"closed_batch"}' end

local rows = {}
local KEEP_DOC_MS = 2592000000
local is_fresh = {}
for _, job in ipairs(fresh) do is_fresh[job.id] = true end
for _, new in ipairs(req.jobs) do
    local doc = P .. 'doc:' .. req.owner .. ':' .. new.digest
    local known
    if is_fresh[new.id] then
        local earlier = call('SET', doc, new.id, 'PX', KEEP_DOC_MS, 'GET')
        known = earlier and earlier ~= new.id
        local job = new_job(new.id, {state = 'queued', owner = req.owner, class = req.class or 2, batch = req.batch,
                                     run = int(TIME[1] * 1000000 + TIME[2]), seq = 0, open = 0, fly = 0, since = 0, busy = 0,
                                  created = int(NOW), name = new.name, digest = new.digest, size = int(new.size),
                                  mime = new.mime, ocr = new.ocr or '', dup = known and 1 or 0,
                                     mail = req.mail})
        is_fresh[new.id] = nil
        for _, stage in ipairs(req.first) do open_stage(job, stage, 0, 1) end
        call('RPUSH', P .. 'batch:' .. req.batch .. ':jobs', new.id)
        call('ZADD', P .. 'owned:' .. req.owner, int(NOW), new.id)
        add(batch, 'jobs', 1)
        add(batch, 'queued', 1)
    else
        known = call('HGET', P .. 'job:' .. new.id, 'dup') == '1'
    end
    rows[#rows + 1] = {filename = new.name, job_id = new.id, is_duplicate = known or false, is_own_duplicate = known or false}
end

batch.changed = true
if req.mail then set(batch, 'mail', req.mail) end
set(batch, 'touched', int(NOW))
local expected = num(get(batch, 'expected'))
if req.seal or (expected > 0 and num(batch.value.jobs) >= expected) then
    set(batch, 'sealed', 1)
    if not batch.fresh then call('ZREM', P .. 'opens', req.batch) end
else
    call('ZADD', P .. 'opens', int(NOW), req.batch)
end

local errors = req.errors
if not errors or errors == cjson.null or #errors == 0 then errors = cjson.null end
local answer = cjson.encode({batch_id = req.batch, job_ids = rows, total = #rows, errors = errors})
if idem_key then
    call('SET', idem_key, cjson.encode({print = req.idem.print, answer = answer}), 'PX', int(req.idem.ttl_ms))
end
finish()
return '{"answer":' .. answer .. ',"replay":false}'
