"""What the commands alone cost Redis: those that a run of four stages makes it do, recorded, and then done again, the same in the same batches,
by a function that has nothing but the loop around them.  A script may decide whatever it wants at no cost: with these keys, and these guarantees,
this is what is left.  The rest of what a job takes is Lua's: deciding, words, answers."""
import re
import socket
import statistics
import threading

from measure import cpu_alone_s, in_turn, middle, stack
from part_engine import PAIRS, Engine

JOBS, AT_ONCE = 2000, 10  # calls on the way together, as a producer's and a dispatcher's are
LOOP = """#!lua name=floor
local call
redis.register_function('floor', function(keys, args)
    call = call or redis.call
    local at, last = 1, #args
    while at <= last do
        local n = tonumber(args[at])
        %s
        at = at + n + 1
    end
end)
"""
DO, READ_ONLY = "call(unpack(args, at + 1, at + n))", "local count = select('#', unpack(args, at + 1, at + n))"
WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"')


def word(escaped):
    return escaped.decode("latin1").encode("latin1").decode("unicode_escape").encode("latin1")


class Recorder:
    """What MONITOR tells meanwhile, as the list of what each call of a function did."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")
        self.calls, self.thread = [], threading.Thread(target=self.read)

    def __enter__(self):
        self.socket.sendall(b"MONITOR\r\n")
        self.file.readline()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(60)
        self.file.close()
        self.socket.close()

    def read(self):
        for line in self.file:
            if b'"ECHO" "over"' in line:
                return
            by, _, rest = line.partition(b"]")
            words = [word(w) for w in WORD.findall(rest)]
            if by.endswith(b"lua"):
                self.calls[-1].append(words)
            elif words[0] in (b"FCALL", b"EVALSHA"):
                self.calls.append([])


def with_entries_named(calls):
    """XADD gave its entries names that the later commands say: each gets its own, since all of a stream were acknowledged in the end."""
    names = {}
    for words in (w for call in calls for w in call if w[0] == b"XACK"):
        names.setdefault(words[1], []).extend(words[3:])
    for ids in names.values():
        ids.sort(key=lambda entry: tuple(map(int, entry.split(b"-"))), reverse=True)
    for words in (w for call in calls for w in call if w[0] == b"XADD"):
        words[2] = names[words[1]].pop()
    assert not any(names.values()), "an entry that nobody added was acknowledged"


def packed(calls):
    for call in calls:
        words = [b"FCALL", b"floor", b"1", b"sheaf:{00}:"]
        for w in call:
            words += [b"%d" % len(w), *w]
        yield b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def streams_of(calls):
    found = set()
    for words in (w for call in calls for w in call if w[0] == b"XREADGROUP"):
        keys = words[words.index(b"STREAMS") + 1:]
        found.update(keys[:len(keys) // 2])
    return found


def redis_us(calls, body, persistence):
    """CPU of Redis, µs a job, for all of these."""
    with stack(persistence=persistence) as s:
        s.redis.function_load(LOOP % body)
        for key in streams_of(calls):
            s.redis.xgroup_create(key, "dispatchers", "0", mkstream=True)
        texts = list(packed(calls))
        with socket.socket(socket.AF_UNIX) as c, c.makefile("rb") as answers:
            c.connect(s.redis_socket)
            began = cpu_alone_s(s.redis_process.pid)
            for at in range(0, len(texts), AT_ONCE):
                some = texts[at:at + AT_ONCE]
                c.sendall(b"".join(some))
                for _ in some:
                    line = answers.readline()
                    assert not line.startswith(b"-"), line
            return (cpu_alone_s(s.redis_process.pid) - began) / JOBS * 1e6


def run(report):
    for persistence in ("everysec", "none"):
        with Engine(persistence=persistence) as e:
            with Recorder(e.stack.redis_socket) as recorder:
                e.run(JOBS)
                e.stack.redis.echo("over")
        with_entries_named(recorder.calls)

        def alone():
            return redis_us(recorder.calls, DO, persistence) - redis_us(recorder.calls, READ_ONLY, persistence)
        with Engine(persistence=persistence) as e:
            pairs = in_turn(alone, lambda: e.run(JOBS)["redis_us"], PAIRS * report.runs)
        floor, commands = [f for f, _ in pairs], sum(map(len, recorder.calls)) / JOBS
        report.row(f"commands alone of 4 stages, AOF {persistence}", "µs a job", floor,
                   note=f"{commands:.1f} commands; at most {1e6 / statistics.median(floor):,.0f} jobs/s, whatever decides them")
        report.row("of the CPU that Redis spends on a job", "×", [f / o for f, o in pairs], figure=middle)
