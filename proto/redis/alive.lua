-- alive: that a dispatcher lives, for as long as others shall believe it.
--
-- Promises: is heard also at full memory, which refuses a plain SET: what the dispatcher holds would be taken for a dead one's, again
-- and again.  Stands alone.  KEYS: sheaf:dispatcher:<instance>, sheaf:dispatchers.  ARGV: what it says of itself (JSON), life in ms, its instance.
redis.call('PEXPIRE', KEYS[1], ARGV[2]) -- a first write that full memory does not refuse
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
