"""Memory of services that have nothing to do; and whether a million tasks leave anything behind.

BENCH_TASKS (1,000,000): how many of the second kind, through stages that do nothing, and as many through the real ones.  BENCH_IDLE (30): seconds
before the first."""
import os
import time

from measure import REST_S, SETTLE_S, pss_mib, rss_mib, stack, wait_for
from part_engine import Engine
from part_graph import SERVICES, TASKS as TASKS_OF_ONE, Graph

KEYS = ("pss_mib",)
OWNER = "00000000-0000-4000-8000-000000000001"  # bench.h's
IDLE_S = float(os.environ.get("BENCH_IDLE", "30"))
TASKS = int(os.environ.get("BENCH_TASKS", "1000000"))
AT_ONCE, CONNECTIONS = 700, 64  # documents, before the next are uploaded; as many connections as make each of a gateway's threads work
SWEPT = 500  # jobs whose time is made to be over: what the dispatcher takes back of them by itself


def idle(report):
    with stack(*SERVICES, SHEAF_OCR="null") as s:
        time.sleep(IDLE_S)
        pss = {name: pss_mib(s[name].pid) for name in SERVICES}
        redis = pss_mib(s.redis_process.pid)
    with stack("dispatcher", "ocr-svc", SHEAF_THREADS=1) as s:
        time.sleep(min(IDLE_S, 5))
        engine = pss_mib(s["ocr-svc"].pid) - pss["ocr-svc"]
    for name in SERVICES:
        report.row(f"{name}, idle, PSS" + (" (without an engine)" if name == "ocr-svc" else ""), "MiB", [pss[name]], ("≤", 5))
    report.row("all six, idle, PSS", "MiB", [sum(pss.values())], ("≤", 20))
    report.row("one OCR engine with its decoding child", "MiB", [engine])
    report.row("Redis, idle, PSS", "MiB", [redis])
    report.json["pss_mib"] = {**{k: round(v, 2) for k, v in pss.items()}, "ocr_engine": round(engine, 1), "redis": round(redis, 1)}


def expire_all(redis):
    """What carries a life ends now, as it would by itself; answers how many keys carried none."""
    endless = 0
    for key in redis.scan_iter(count=1000):
        if redis.pttl(key) < 0:
            endless += 1
        else:
            redis.unlink(key)
    return endless


def sweep_some(e):
    """The dispatcher takes back what is over, a hundred each two seconds: of some it is seen, the others' lives are ended by hand."""
    redis, sweep, owned = e.stack.redis, "sheaf:{00}:sweep", f"sheaf:{{00}}:owned:{OWNER}"
    due = [member for member in redis.zrange(sweep, 0, -1) if member.endswith(" all")][-SWEPT:]
    before = redis.zcard(owned)
    redis.zadd(sweep, {member: 1 for member in due})
    wait_for(lambda: redis.zcount(sweep, 1, 1) == 0, 120, "the sweep of what is due")
    return (before - redis.zcard(owned)) / len(due)


def own_bytes(redis):
    """What Redis keeps of us: without the list of slow calls, which has 128 places whatever was called, and the sources of scripts, which are
    loaded by their first call."""
    redis.slowlog_reset()
    memory = redis.info("memory")
    return memory["used_memory"] - memory["used_memory_scripts"]


def growth(report):
    with Engine() as e:
        redis, pids = e.stack.redis, {"dispatcher": e.stack.processes[0].pid, "step-svc": e.extra[0].pid}

        def resident():
            at_once = {name: rss_mib(pid) for name, pid in pids.items()}
            time.sleep(REST_S)
            return at_once, {name: rss_mib(pid) for name, pid in pids.items()}, {name: rss_mib(pid, "RssAnon") for name, pid in pids.items()}
        endless, before = expire_all(redis), own_bytes(redis)
        time.sleep(SETTLE_S)  # before the first tasks: their code comes back with them, not with the million
        e.run(10000 // 4)
        busy, first, own = resident()
        e.run((TASKS - 10000) // 4)
        busy_then, then, own_then = resident()
        for name in pids:
            report.row(f"{name}, RSS after {TASKS:,} tasks, of that after 10,000, {REST_S} s later", "×", [then[name] / first[name]], ("≤", 1.05),
                       f"{first[name]:.1f} and {then[name]:.1f} MiB, {own[name]:.2f} and {own_then[name]:.2f} of them not a file's; "
                       f"at once, which is by chance, {busy[name]:.1f} and {busy_then[name]:.1f}")
        report.row(f"of {SWEPT} jobs whose time is over, off their owner's list by themselves", "×", [sweep_some(e)], ("≥", 1))
        left = expire_all(redis)
        redis.unlink("sheaf:{00}:sweep")  # the members of jobs whose life was just ended
        owned = [k for k in redis.scan_iter(match="sheaf:{00}:owned:*")]
        if owned:
            redis.unlink(*owned)
        time.sleep(2)
        report.row("Redis keys without a life, more than before", "keys", [left - endless])
        report.row("Redis memory when their life is over, of that before", "×", [own_bytes(redis) / before], ("≤", 1.05))


def growth_of_services(report):
    """Documents of one page, uploaded, through every stage to the record and the message, with providers that take no time."""
    with Graph() as graph:
        def rested(tasks):
            for _ in range(tasks // TASKS_OF_ONE // AT_ONCE):
                graph.upload(AT_ONCE, CONNECTIONS)
            time.sleep(REST_S)
            return {name: rss_mib(graph.s[name].pid) for name in SERVICES}
        time.sleep(SETTLE_S)
        few, many = rested(10000), rested(TASKS - 10000)
        for name in SERVICES:
            report.row(f"{name}, RSS after {TASKS:,} tasks of uploaded documents, of that after 10,000, {REST_S} s later", "×", [many[name] / few[name]],
                       ("≤", 1.05), f"{few[name]:.1f} and {many[name]:.1f} MiB")


def run(report):
    idle(report)
    growth(report)
    growth_of_services(report)
