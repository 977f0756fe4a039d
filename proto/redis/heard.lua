-- heard: what the documents of a batch call their schools, so that one document can be told by the others.
--
-- Promises: a document counts once for each name, however often it is worked on: what it says replaces what it said before.
-- Nobody waits for anybody: what was said so far is the answer.  Stands alone: KEYS[1] = sheaf:{s}:batch:<id>:heard, a sorted set,
-- name → documents that say it; its neighbour KEYS[1]:said, a hash, job → names, one in a line.  Both go a month after the last word.
-- ARGV: what, job; and what is
--   say    name … │ answers how many names this document says
--   look   answers name, documents, name, documents …: the fifty that most documents say, this one not counted
local KEY, SAID, WHAT, job = KEYS[1], KEYS[1] .. ':said', ARGV[1], ARGV[2]
local MOST, KEEP_MS = 50, 2592000000 -- an ended batch's usual life

local own = {}
for name in string.gmatch(redis.call('HGET', SAID, job) or '', '[^\n]+') do own[name] = true end

if WHAT == 'say' then
    for name in pairs(own) do
        if redis.call('ZINCRBY', KEY, -1, name) == '0' then redis.call('ZREM', KEY, name) end
    end
    local said, n = {}, 0
    for i = 3, #ARGV do
        if not said[ARGV[i]] then
            said[ARGV[i]], n = true, n + 1
            redis.call('ZINCRBY', KEY, 1, ARGV[i])
        end
    end
    if n == 0 then
        redis.call('HDEL', SAID, job)
        return 0
    end
    redis.call('HSET', SAID, job, table.concat(ARGV, '\n', 3))
    redis.call('PEXPIRE', KEY, KEEP_MS)
    redis.call('PEXPIRE', SAID, KEEP_MS)
    return n
end
if WHAT ~= 'look' then return redis.error_reply('ERR heard: what is "' .. WHAT .. '"') end

local answer = {}
local found = redis.call('ZREVRANGE', KEY, 0, MOST - 1, 'WITHSCORES')
for i = 1, #found, 2 do
    local others = tonumber(found[i + 1]) - (own[found[i]] and 1 or 0)
    if others > 0 then
        answer[#answer + 1] = found[i]
        answer[#answer + 1] = others
    end
end
return answer
