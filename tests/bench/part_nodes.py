"""Several Redis: shards dealt to ranges, each with a Redis, a dispatcher, a service and a producer of its own, all loaded at the same time.  Nothing is
shared but the machine, so that what a second one brings here is bounded by its cores."""
import concurrent.futures
import contextlib
import os
import statistics
import time

from part_engine import JOBS, Engine, tell

KEYS = ("two_redis_of_one",)
NODES = 2
CORES = len(os.sched_getaffinity(0))


def round_of(nodes, persistence):
    """From when all are warm to when the last has ended its last job."""
    with contextlib.ExitStack() as engines, concurrent.futures.ThreadPoolExecutor(nodes) as at_once:
        warm = [engines.enter_context(Engine(persistence=persistence)) for _ in range(nodes)]
        began = time.monotonic()
        got = list(at_once.map(Engine.run, warm))
        spent = time.monotonic() - began
    a_job = {what: statistics.mean(g[what] for g in got) for what in ("redis_us", "ours_us", "load_cpu_us")}
    return dict(a_job, per_s=nodes * JOBS / spent)


def at_most(got):
    """Jobs/s when no core ever rests."""
    return CORES * 1e6 / (got["redis_us"] + got["ours_us"] + got["load_cpu_us"])


def run(report):
    for persistence in ("everysec", "none"):
        one, several = [], []
        for _ in range(report.runs):
            one.append(round_of(1, persistence))
            several.append(round_of(NODES, persistence))
        tell(report, f"4 stages, AOF {persistence}, 1 Redis", one)
        tell(report, f"4 stages, AOF {persistence}, {NODES} Redis", several)
        ratio = report.row(f"4 stages, AOF {persistence}, {NODES} Redis, of one", "×", [s["per_s"] / o["per_s"] for s, o in zip(several, one)])
        report.row(f"  {CORES} cores by the CPU of a job", "jobs/s", map(at_most, several))
        if persistence == "everysec":
            report.json["two_redis_of_one"] = ratio
