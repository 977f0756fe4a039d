-- turn: what a dispatcher has to say in one turn of its loop: results, and the room that there is now.
--
-- Promises: what commit.lua and take.lua promise, which stand before it.  In one call, since a job whose stage has ended
-- is often the one whose next stage is handed out: it is read and written once for both, and the task passes through the
-- stream all the same, pending and fenced like any other.  At full memory results still count.
-- ARGV: dispatcher, job time limit ms, number of kinds, number of results; the kinds; the results; the types.  Answers {{per result 1 │ 2}, {tasks}}.
local n_kinds, n_results = num(ARGS[3]), num(ARGS[4])
local results_from = 5 + n_kinds * KIND_WORDS
read_kinds(5, n_kinds)
local answers = commit_items(results_from, n_results)
admit_freed() -- before the take, so that what the results made room for is seen by it
local tasks = take_types(ARGS[1], num(ARGS[2]), results_from + n_results)
finish()
return {answers, tasks}
