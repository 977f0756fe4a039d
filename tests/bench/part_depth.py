"""What a job costs as the queue grows: to enqueue it, and to carry it through, behind many that wait.  While no AOF is rewritten: then Redis copies
each page that it writes to, whatever the queue's length.

BENCH_WAITING (1,000,000): how many wait at the end."""
import os
import statistics

from measure import cpu_alone_s, load, wait_for
from part_engine import Engine

WAITING, STEP = int(os.environ.get("BENCH_WAITING", "1000000")), 10000
STEPS = 5  # the middle one: while a table of keys doubles its size a step costs up to half more, wherever that happens to be


def run(report):
    with Engine(room=64) as e:
        pid, dispatcher = e.stack.redis_process.pid, e.stack.processes[0]

        def settled():
            wait_for(lambda: not e.stack.redis.info("persistence")["aof_rewrite_in_progress"], 120, "the AOF's rewriting")

        def fill(jobs):
            settled()
            began = cpu_alone_s(pid)
            load(e.stack, "fill", jobs, 100, "inspect")  # of a type that nobody offers: they wait
            return (cpu_alone_s(pid) - began) / jobs * 1e6
        fill(1000)
        short = statistics.median(fill(STEP) for _ in range(STEPS))
        settled()
        carried_short = e.run(STEP // 2)["redis_us"]
        fill(WAITING - 2 * STEPS * STEP)
        long = statistics.median(fill(STEP) for _ in range(STEPS))
        settled()
        carried_long = e.run(STEP // 2)["redis_us"]
        report.row(f"enqueue behind {WAITING:,}, of that behind {STEPS * STEP:,} (Redis's CPU)", "×", [long / short], ("≤", 1.15))
        report.row(f"through 4 stages beside {WAITING:,} waiting, of that beside {STEPS * STEP:,}", "×", [carried_long / carried_short], ("≤", 1.15))
        assert dispatcher.process.poll() is None
