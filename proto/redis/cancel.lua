-- cancel: ends a job that has not ended.
--
-- Promises: what of it waits or is in hand is dropped by whoever meets it next; a late result is superseded.
-- ARGV: job, owner.  Answers ok │ unknown │ state.
local job = load_job(ARGV[1])
if not job.exists or job.s[OWNER] ~= ARGV[2] then return 'unknown' end
if not live(job.s, job.s[RUN]) then return 'state' end
call('ZREM', P .. 'sweep', job.id .. ' upload') -- a first write that full memory does not refuse
end_job(job, 'cancelled')
finish()
return 'ok'
