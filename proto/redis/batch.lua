-- batch: opens a batch that takes the uploads of several requests, says that one is under way, or closes it.
--
-- Promises: opening twice is opening once; closing twice is closing once; a batch of another owner is unknown.
-- ARGV: open <id> <owner> <expected>  │  touch <id> <owner>  │  close <id> <owner>.  Answers ok │ unknown.
local verb, id, owner = ARGV[1], ARGV[2], ARGV[3]
local batch = load_batch(id)
if verb == 'open' then
    if batch.exists then return batch.s[B_OWNER] == owner and 'ok' or 'unknown' end
    batch.s[B_OWNER], batch.s[EXPECTED], batch.s[B_SEQ] = owner, int(num(ARGV[4])), '1'
    put(batch, 'created', NOW_TEXT)
    put(batch, 'touched', NOW_TEXT)
    save_batch(batch)
    call('ZADD', P .. 'opens', NOW_TEXT, id)
    return 'ok'
end
if not batch.exists or batch.s[B_OWNER] ~= owner then return 'unknown' end
if verb == 'touch' then
    if batch.s[SEALED] == '0' then call('ZADD', P .. 'opens', NOW_TEXT, id) end
    return 'ok'
end
if batch.s[SEALED] == '0' then
    call('ZREM', P .. 'opens', id)
    batch.s[SEALED], batch.changed = '1', true
    finish()
end
return 'ok'
