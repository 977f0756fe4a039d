-- rerun: an ended job goes on (kick: what was not done), or is done again from a stage.
--
-- Promises: a new run, whose number only grows, so that whatever is left of the old one is superseded; results of stages
-- before `from` are kept; when the document itself is no longer in the blob store, a `fetch` brings it back
-- first; when nothing of it is, because its time is over, it is read again from `inspect` on; the batch's end is not announced again.
-- ARGV: job, owner, from ("" = kick).  Answers ok │ unknown │ state.
-- What follows what comes from the `policy` hash, written by dispatchers: field graph, "inspect>page page>split …".
local DROPPED_MS = 30000 -- a document that is being dropped is gone by then (dispatcher/sweeper.c)
local job, from = load_job(ARGV[1]), ARGV[3]
local s = job.s
if not job.exists or s[OWNER] ~= ARGV[2] then return 'unknown' end
local state = s[STATE]
if live(s, s[RUN]) or (from == '' and state == 'finished') then return 'state' end

local follows = {}
for a, b in gmatch(policy('graph') or '', '(%S+)>(%S+)') do follows[a] = b end
local function behind(stage)
    local all = {}
    stage = follows[stage]
    while stage do
        all[stage] = true
        stage = follows[stage]
    end
    return all
end
local function is_done(text) return text ~= '' and sub(text, 1, 1) ~= '!' end

local flat, value = call('HGETALL', job.key), {}
for i = 1, #flat, 2 do value[flat[i]] = flat[i + 1] end
if from ~= '' and not value['stage:' .. from] then return 'state' end
local function needs_what_was_read()
    local read = behind('inspect')
    if from ~= '' then return read[from] end
    for field, text in pairs(value) do
        if read[match(field, '^out:([^:]+):')] and not is_done(text) then return true end
    end
end
if value.over == '1' and needs_what_was_read() then from = 'inspect' end
local again = behind(from) -- stages whose results are thrown away
again[from] = true

local open, drop = {}, {}
for field, text in pairs(value) do
    local of, index = match(field, '^out:([^:]+):(%d+)$')
    if of and not AFTER_END[of] and of ~= 'fetch' then
        local done = is_done(text)
        if of == from or (not done and not again[of]) then
            open[#open + 1] = {stage = of, index = index, done = done}
        elseif again[of] then
            drop[#drop + 1] = field
        end
    end
    local res_of = match(field, '^res:([^:]+):')
    if res_of and (again[res_of] or res_of == 'notify') then drop[#drop + 1] = field end
    local count_of = match(field, '^stage:(.+)$')
    if count_of and (again[count_of] and count_of ~= from or count_of == 'notify' or count_of == 'fetch') then drop[#drop + 1] = field end
end
if #open == 0 then return 'state' end

call('ZREM', P .. 'sweep', job.id .. ' upload', job.id .. ' all')
for i = 1, #drop, 500 do call('HDEL', job.key, unpack(drop, i, math.min(i + 499, #drop))) end
call('PERSIST', job.key)
call('ZADD', P .. 'owned:' .. s[OWNER], value.created, job.id)
local function unbury(of, index)
    local member = of .. ' ' .. job.id .. ' ' .. index
    call('ZREM', P .. 'dead', member)
    call('HDEL', P .. 'deadwhy', member)
end
for _, task in ipairs(open) do unbury(task.stage, task.index) end
unbury('notify', '0') -- of the end that is none any more: kicked now, it would tell of one that has not come

move_batch(s, state, 'queued')
s[RUN] = int(math.max(num(NOW_US), num(s[RUN]) + 1))
s[STATE], s[OPEN], s[FLY], s[SINCE], s[BUSY], s[MSG], job.changed = 'queued', int(#open), '0', '0', '0', '', true
put(job, 'err', '')
put(job, 'finished', '')
local needs_document = false
for _, task in ipairs(open) do
    put(job, 'out:' .. task.stage .. ':' .. task.index, '')
    if task.done then
        local r = stage_of(job, of_type(task.stage))
        r.d, r.by, r.changed = int(num(r.d) - 1), '', true
    end
    if task.stage == 'store' or task.stage == 'inspect' or task.stage == 'page' then needs_document = true end
    if task.stage == 'inspect' and value.over then put(job, 'over', '') end
end
if needs_document and (value.up == 'gone' or value.up == 'going') then
    local parked = {}
    for _, task in ipairs(open) do parked[#parked + 1] = task.stage .. ':' .. task.index end
    put(job, 'parked', concat(parked, ' '))
    if value.up == 'gone' then
        open_stage(job, of_type('fetch'), 0, 1)
    else -- what was brought back this moment would be dropped with it
        put(job, 'out:fetch:0', '')
        local r = stage_of(job, of_type('fetch'))
        r.n, r.changed, s[OPEN] = up(r.n), true, up(s[OPEN])
        call('ZADD', P .. 'later', int(NOW + DROPPED_MS), concat({'fetch', s[OWNER], s[CLASS], new_task(job.id, s[RUN], '0'), NOW_TEXT}, ' '))
    end
else
    for _, task in ipairs(open) do
        open_task(of_type(task.stage), s[OWNER], s[CLASS], new_task(job.id, s[RUN], task.index))
    end
end
finish()
return 'ok'
