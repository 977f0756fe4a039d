-- stages: tasks that are opened.
local function open_stage(job, type, from, n) -- tasks `from` … `from + n - 1`, in the job's present run
    local s, names = job.s, names_of(type)
    for at = from, from + n - 1 do
        local index = int(at)
        put(job, names.out .. index, '')
        open_task(type, s[OWNER], s[CLASS], new_task(job.id, s[RUN], index))
    end
    local opened = int(num(get(job, names.n)) + n)
    put(job, names.n, opened)
    job.known[names.n] = opened
    if type.in_state then s[OPEN] = int(s[OPEN] + n) end
    job.changed = true
end
