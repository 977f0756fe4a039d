"""Several Redis: shards dealt to ranges, each with a Redis, a dispatcher, a service and a producer of its own, all loaded at the same time.  Nothing is
shared but the machine, so that what a second one brings here is bounded by its cores."""
import concurrent.futures
import contextlib
import os
import statistics
import time

from measure import in_turn, middle
from part_engine import PAIRS, SLICE, Engine, tell

KEYS = ("two_redis_of_one",)
NODES = 2
CORES = len(os.sched_getaffinity(0))


def all_at_once(engines):
    """Until the last has ended its last job."""
    with concurrent.futures.ThreadPoolExecutor(len(engines)) as pool:
        began = time.monotonic()
        got = list(pool.map(lambda e: e.run(SLICE), engines))
        spent = time.monotonic() - began
    a_job = {what: statistics.mean(g[what] for g in got) for what in ("redis_us", "ours_us", "load_cpu_us")}
    return dict(a_job, per_s=len(engines) * SLICE / spent)


def at_most(got):
    """Jobs/s when no core ever rests."""
    return CORES * 1e6 / (got["redis_us"] + got["ours_us"] + got["load_cpu_us"])


def run(report):
    for persistence in ("everysec", "none"):
        with contextlib.ExitStack() as open_engines:
            engines = [open_engines.enter_context(Engine(persistence=persistence)) for _ in range(NODES)]
            pairs = in_turn(lambda: all_at_once(engines), lambda: all_at_once(engines[:1]), PAIRS * report.runs)
        tell(report, f"4 stages, AOF {persistence}, 1 Redis", [one for _, one in pairs])
        tell(report, f"4 stages, AOF {persistence}, {NODES} Redis", [several for several, _ in pairs])
        ratio = report.row(f"4 stages, AOF {persistence}, {NODES} Redis, of one", "×", [s["per_s"] / o["per_s"] for s, o in pairs], figure=middle)
        report.row(f"  {CORES} cores by the CPU of a job", "jobs/s", [at_most(several) for several, _ in pairs])
        if persistence == "everysec":
            report.json["two_redis_of_one"] = ratio
