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

local first = {}
for stage in gmatch(ARGV[12], '%S+') do first[#first + 1] = of_type(stage) end
local b, run, opened = batch.s, NOW_US, 0
for i = 1, #first do opened = opened + (first[i].in_state and 1 or 0) end
if is_new then b[B_OWNER], b[EXPECTED] = owner, ARGV[6] end

local function open_job(id, digest, name, about)
    local last = call('SET', P .. 'doc:' .. owner .. ':' .. digest, id, 'PX', KEEP_DOC_MS, 'GET')
    local dup = last and last ~= id and '1' or '0'
    local fields, n = {'HSET', P .. 'job:' .. id, 'state', state_text({true, 'queued', run, '1', int(opened), '0', '0', '0', class, owner, batch_id, ''}), 'created', NOW_TEXT,
                       'name', name, 'dup', dup, 'about', about}, 12
    for i = 1, #first do
        fields[n + 1], fields[n + 2], fields[n + 3], fields[n + 4] = 'out:' .. first[i].name .. ':0', '', 'n:' .. first[i].name, '1'
        n = n + 4
        open_task(first[i], owner, class, new_task(id, run, '0'))
    end
    if mail ~= '' then fields[n + 1], fields[n + 2] = 'mail', mail end
    call(unpack(fields))
    call('RPUSH', batch.key .. ':jobs', id)
    call('ZADD', P .. 'owned:' .. owner, NOW_TEXT, id)
    events[#events + 1] = 'j ' .. id .. ' 1 ' .. batch_id .. ' queued'
    b[JOBS], b[COUNTS.queued] = int(b[JOBS] + 1), int(b[COUNTS.queued] + 1)
    return dup
end

local rows = {}
for i = JOBS_FROM, #ARGV, JOB_WORDS do
    local id, name = ARGV[i], ARGV[i + 2]
    local is = (known[i] or open_job(id, ARGV[i + 1], name, ARGV[i + 3])) == '1' and 'true' or 'false'
    rows[#rows + 1] = '{"filename":' .. cjson.encode(name) .. ',"job_id":"' .. id .. '","is_duplicate":' .. is .. ',"is_own_duplicate":' .. is .. '}'
end

local puts = batch.puts
puts[5], puts[6] = 'touched', NOW_TEXT
if is_new then puts[7], puts[8] = 'created', NOW_TEXT end
if mail ~= '' then puts[#puts + 1], puts[#puts + 2] = 'mail', mail end
batch.changed = true
if ARGV[5] == '1' or (b[EXPECTED] ~= '0' and num(b[JOBS]) >= num(b[EXPECTED])) then
    b[SEALED] = '1'
    if not is_new then call('ZREM', P .. 'opens', batch_id) end
else
    call('ZADD', P .. 'opens', NOW_TEXT, batch_id)
end
local answer = '{"batch_id":"' .. batch_id .. '","job_ids":[' .. concat(rows, ',') .. '],"total":' .. #rows .. ',"errors":' .. ARGV[11] .. '}'
if idem_key then call('SET', idem_key, cjson.encode({print = ARGV[9], answer = answer}), 'PX', ARGV[10]) end
finish()
return '{"answer":' .. answer .. ',"replay":false}'
