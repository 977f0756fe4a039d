-- stages: tasks that are opened.
local function open_stage(job, type, from, n) -- tasks `from` … `from + n - 1`, in the job's present run
    local s, puts, at = job.s, job.puts, job.n
    local owner, class, run, id, out = s[OWNER], s[CLASS], s[RUN], job.id, type.out
    for k = from, from + n - 1 do
        local index = int(k)
        local packed, field = new_task(id, run, index), out .. index
        puts[at + 1], puts[at + 2] = field, ''
        at = at + 2
        job.opened, job.opened_at, job.opened_packed, job.opened_index = field, at, packed, index
        mine[packed] = job
        open_task(type, owner, class, packed)
    end
    local r = stage_of(job, type)
    r.n, r.changed = n == 1 and up(r.n) or int(num(r.n) + n), true
    if type.in_state then s[OPEN] = n == 1 and up(s[OPEN]) or int(s[OPEN] + n) end
    job.n, job.touched, job.changed = at, true, true
end
