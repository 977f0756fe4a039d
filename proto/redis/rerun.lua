-- rerun: an ended job goes on (kick: what was not done), or is done again from a stage.
--
-- Promises: a new run, whose number only grows, so that whatever is left of the old one is superseded; results of stages
-- before `from` are kept; when the document itself is no longer in the blob store, a `fetch` brings it back
-- first; the batch's end is not announced again.
-- ARGV: job, owner, from ("" = kick).  Answers ok │ unknown │ state.
-- What follows what comes from the `policy` hash, written by dispatchers: field graph, "inspect>page page>split …".
local job, from = load_job(ARGV[1]), ARGV[3]
if not job.exists or job.value.owner ~= ARGV[2] then return 'unknown' end
local state = job.value.state
if live(job, job.value.run) or (from == '' and state == 'finished') then return 'state' end

local follows = {}
for a, b in string.gmatch(policy('graph') or '', '(%S+)>(%S+)') do follows[a] = b end
local again = {} -- stages whose results are thrown away
local stage = from ~= '' and from or nil
while stage do
    again[stage] = true
    stage = follows[stage]
end

local flat = call('HGETALL', job.key)
local value, open, drop = {}, {}, {}
for i = 1, #flat, 2 do value[flat[i]] = flat[i + 1] end
if from ~= '' and not value['n:' .. from] then return 'state' end
for name, token in pairs(value) do
    local of, index = string.match(name, '^out:([^:]+):(%d+)$')
    if of and not AFTER_END[of] and of ~= 'fetch' then
        if of == from or (token == '' and not again[of]) then
            open[#open + 1] = {stage = of, index = index}
            if token ~= '' then job.value['d:' .. of] = int(num(job.value['d:' .. of] or value['d:' .. of]) - 1); job.dirty['d:' .. of] = true end
        elseif again[of] then
            drop[#drop + 1] = name
        end
    end
    local res_of = string.match(name, '^res:([^:]+):') or string.match(name, '^by:(.+)$')
    if res_of and (again[res_of] or res_of == 'notify') then drop[#drop + 1] = name end
    local count_of = string.match(name, '^[ndse]:(.+)$')
    if count_of and (again[count_of] and count_of ~= from or count_of == 'notify' or count_of == 'fetch') then drop[#drop + 1] = name end
end
if #open == 0 then return 'state' end

call('ZREM', P .. 'sweep', job.id .. ' upload', job.id .. ' all')
for i = 1, #drop, 500 do call('HDEL', job.key, unpack(drop, i, math.min(i + 499, #drop))) end
for _, name in ipairs(drop) do job.value[name] = '' end
call('PERSIST', job.key)
call('ZADD', P .. 'owned:' .. job.value.owner, job.value.created, job.id)
for _, task in ipairs(open) do
    local member = task.stage .. ' ' .. job.id .. ' ' .. task.index
    call('ZREM', P .. 'dead', member)
    call('HDEL', P .. 'deadwhy', member)
end

local run = math.max(TIME[1] * 1000000 + TIME[2], num(job.value.run) + 1)
move_batch(job, state, 'queued')
for name, text in pairs({run = int(run), state = 'queued', open = int(#open), fly = 0, since = 0, busy = 0, err = '', msg = '', finished = ''}) do
    set(job, name, text)
end
job_changed(job)
local needs_document = false
for _, task in ipairs(open) do
    set(job, 'out:' .. task.stage .. ':' .. task.index, '')
    if task.stage == 'store' or task.stage == 'inspect' or task.stage == 'page' then needs_document = true end
end
if needs_document and value.up == 'gone' then
    local parked = {}
    for _, task in ipairs(open) do parked[#parked + 1] = task.stage .. ':' .. task.index end
    set(job, 'parked', table.concat(parked, ' '))
    open_stage(job, 'fetch', 0, 1)
else
    for _, task in ipairs(open) do
        open_task(task.stage, job.value.owner, job.value.class, pack_task(job.id, int(run), task.index, 1, 0, 0, int(NOW)))
    end
end
finish()
return 'ok'
