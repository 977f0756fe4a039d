-- claim: who sends a message, asked right before the step that cannot be undone.
--
-- Promises: once a message is known to be sent nobody is told to send it; a newer delivery takes the claim from an older one,
-- which is then told not to; a claim that nobody confirmed is given again, and said so: that message may arrive twice,
-- under one Message-ID.  Stands alone, without common.lua: its one key is KEYS[1] = sheaf:{s}:mail:<channel>:<message>.
-- ARGV: what, attempt, delivery; and what is
--   take   answers 1 send it │ 2 it was sent │ 3 a newer delivery has it │ 4 send it, though an earlier claim is unconfirmed
--   sent   the receiver has it
--   drop   the receiver refused it, or never saw it: nothing is in doubt
local KEY, WHAT, attempt, delivery = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local YES, SENT, NEWER, AGAIN = 1, 2, 3, 4
local KEEP_MS = 604800000 -- longer than between two tries

local value = redis.call('GET', KEY)
if value == 'sent' then
    redis.call('PEXPIRE', KEY, KEEP_MS) -- asked about, so it is still being tried: for another receiver, or kicked
    return SENT
end
if WHAT == 'sent' then -- true whoever has the claim by now
    redis.call('SET', KEY, 'sent', 'PX', KEEP_MS)
    return SENT
end
local theirs, their_delivery = string.match(value or '', '^(%d+) (%d+)$')
theirs, their_delivery = tonumber(theirs), tonumber(their_delivery)
if theirs and (theirs > attempt or (theirs == attempt and their_delivery > delivery)) then return NEWER end
if WHAT == 'drop' then
    redis.call('DEL', KEY)
    return YES
end
redis.call('SET', KEY, ARGV[2] .. ' ' .. ARGV[3], 'PX', KEEP_MS)
return theirs and (theirs ~= attempt or their_delivery ~= delivery) and AGAIN or YES
