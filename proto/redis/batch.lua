-- batch: opens a batch that takes the uploads of several requests, or closes it.
--
-- Promises: opening twice is opening once; closing twice is closing once; a batch of another owner is unknown.
-- ARGV: open <id> <owner> <expected>  │  close <id> <owner>.  Answers ok │ unknown.
local verb, id, owner = ARGV[1], ARGV[2], ARGV[3]
local batch = load_batch(id)
if verb == 'open' then
    if batch.exists then return batch.value.owner == owner and 'ok' or 'unknown' end
    for name, value in pairs({owner = owner, jobs = 0, queued = 0, started = 0, finished = 0, failed = 0, cancelled = 0,
                              sealed = 0, expected = num(ARGV[4]), ended = '', seq = 1, created = int(NOW), touched = int(NOW)}) do
        set(batch, name, value)
    end
    call('ZADD', P .. 'opens', int(NOW), id)
    finish()
    return 'ok'
end
if not batch.exists or batch.value.owner ~= owner then return 'unknown' end
if num(batch.value.sealed) == 0 then
    call('ZREM', P .. 'opens', id)
    set(batch, 'sealed', 1)
    batch.changed = true
    finish()
end
return 'ok'
