"""What a job costs as the queue grows: to enqueue it, and to carry it through, behind many that wait.

BENCH_WAITING (1,000,000): how many wait at the end."""
import os

from measure import cpu_s, load
from part_engine import Engine

WAITING, STEP = int(os.environ.get("BENCH_WAITING", "1000000")), 10000


def run(report):
    with Engine(room=64) as e:
        pid, dispatcher = e.stack.redis_process.pid, e.stack.processes[0]

        def fill(jobs):
            began = cpu_s(pid)
            load(e.stack, "fill", jobs, 100, "inspect")  # of a type that nobody offers: they wait
            return (cpu_s(pid) - began) / jobs * 1e6
        fill(1000)
        short = fill(STEP)
        carried_short = e.run(STEP // 2)["redis_us"]
        fill(WAITING - 2 * STEP)
        long = fill(STEP)
        carried_long = e.run(STEP // 2)["redis_us"]
        report.row(f"enqueue behind {WAITING:,}, of that behind {STEP:,} (Redis's CPU)", "×", [long / short], ("≤", 1.15))
        report.row(f"through 4 stages beside {WAITING:,} waiting, of that beside {STEP:,}", "×", [carried_long / carried_short], ("≤", 1.15))
        assert dispatcher.process.poll() is None
