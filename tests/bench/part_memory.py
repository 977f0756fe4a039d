"""Memory of services that have nothing to do; and whether a million tasks leave anything behind.

BENCH_TASKS (1,000,000): how many of the second kind, through stages that do nothing; a fifth of them through the real ones, which write
two files a job. BENCH_IDLE (30): seconds before the first."""
import os
import time

from measure import BEHIND_OCR, REST_S, SETTLE_S, WITHOUT_CACHE, load, pss_mib, rss_mib, stack
from part_engine import Engine

KEYS = ("pss_mib",)
SERVICES = ("gateway", "dispatcher", "ocr-svc", "llm-svc", "persist-svc", "notify-svc")
IDLE_S = float(os.environ.get("BENCH_IDLE", "30"))
TASKS = int(os.environ.get("BENCH_TASKS", "1000000"))


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
            return at_once, {name: rss_mib(pid) for name, pid in pids.items()}
        endless, before = expire_all(redis), own_bytes(redis)
        time.sleep(SETTLE_S)  # before the first tasks: their code comes back with them, not with the million
        e.run(10000 // 4)
        busy, first = resident()
        e.run((TASKS - 10000) // 4)
        busy_then, then = resident()
        for name in pids:
            for when, few, many in (("at once", busy, busy_then), (f"{REST_S} s later", first, then)):
                report.row(f"{name}, RSS after {TASKS:,} tasks, of that after 10,000, {when}", "×", [many[name] / few[name]], ("≤", 1.05),
                           f"{few[name]:.1f} and {many[name]:.1f} MiB")
        left = expire_all(redis)
        for name in ("sweep",):  # bounded by time: the members of jobs whose life was just ended
            redis.unlink("sheaf:{00}:" + name)
        owned = [k for k in redis.scan_iter(match="sheaf:{00}:owned:*")]
        if owned:
            redis.unlink(*owned)
        time.sleep(2)
        report.row("Redis keys without a life, more than before", "keys", [left - endless])
        report.row("Redis memory when their life is over, of that before", "×", [own_bytes(redis) / before], ("≤", 1.05))


def growth_of_services(report):
    """The real stages of a job with one page, and its message, with providers that take no time."""
    names = ("dispatcher", "ocr-svc", "llm-svc", "persist-svc", "notify-svc")
    settings = dict(BEHIND_OCR, SHEAF_OCR="null", SHEAF_NOTIFY="null", SHEAF_NOTIFY_WHEN="job")
    stages = 6
    with stack(**settings) as s:
        for name in names:
            s.start(name, **({} if name == "ocr-svc" else WITHOUT_CACHE))

        def rested(tasks):
            load(s, "window", tasks // stages, 100, "inspect")
            time.sleep(REST_S)
            return {name: rss_mib(s[name].pid) for name in names}
        time.sleep(SETTLE_S)
        few, many = rested(10000), rested(TASKS // 5 - 10000)
        for name in names:
            report.row(f"{name}, RSS after {TASKS // 5:,} tasks of real stages, of that after 10,000, {REST_S} s later", "×", [many[name] / few[name]],
                       ("≤", 1.05), f"{few[name]:.1f} and {many[name]:.1f} MiB")


def run(report):
    idle(report)
    growth(report)
    growth_of_services(report)
