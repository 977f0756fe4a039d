"""What a job costs as the queue grows: to enqueue it, and to carry it through, behind many that wait and behind few, two stacks beside each other and in
turn: the minutes that filling takes are enough for a machine to change.  Redis doubles its table of keys at each power of two: for some 100,000 jobs each costs
twice as much, then as before; and while it rewrites its AOF it copies each page that it writes to.  So all of the way is measured, and where it ends.

BENCH_WAITING (1,000,000): how many wait at the end."""
import os
import statistics

from measure import cpu_alone_s, in_turn, load, middle, wait_for
from part_engine import Engine

WAITING, FEW = int(os.environ.get("BENCH_WAITING", "1000000")), 50000
STEPS = 20  # of the way
STEP, CARRIED = 5000, 1000  # jobs of a slice; so few that a million stays below the next doubling (1,048,576 at four keys each)
PAIRS = 4  # of slices, for each run


class Queue(Engine):
    """Jobs of a type that nobody offers wait in it; four stages go on beside them."""

    def settle(self):
        wait_for(lambda: not self.stack.redis.info("persistence")["aof_rewrite_in_progress"], 120, "the AOF's rewriting")

    def fill(self, jobs):
        """Redis's CPU, µs a job."""
        self.settle()
        pid = self.stack.redis_process.pid
        began = cpu_alone_s(pid)
        load(self.stack, "fill", jobs, 100, "inspect")
        return (cpu_alone_s(pid) - began) / jobs * 1e6

    def used(self):
        return self.stack.redis.info("memory")["used_memory_dataset"]

    def carry(self):
        self.settle()
        return self.run(CARRIED)["redis_us"]


def run(report):
    pairs = PAIRS * report.runs
    with Queue() as long, Queue() as short:
        empty = long.used()
        long.fill(FEW)
        short.fill(FEW)
        way = WAITING - FEW - pairs * STEP
        steps = [long.fill(way // STEPS) / short.fill(STEP) for _ in range(STEPS)]
        report.row(f"enqueue, step by step from {FEW:,} to {WAITING:,} waiting, of that behind few (Redis's CPU)", "×", steps, ("≤", 1.15), figure=middle)
        report.row("  with what Redis does now and then in it: larger tables, a new AOF", "×", [statistics.mean(steps)])
        filled = in_turn(lambda: long.fill(STEP), lambda: short.fill(STEP), pairs)
        report.row("Redis's memory for a job that waits", "bytes", [(long.used() - empty) / WAITING])
        carried = in_turn(long.carry, short.carry, pairs)
        for name, got in ((f"enqueue behind {WAITING:,}", filled), (f"through 4 stages beside {WAITING:,}", carried)):
            report.row(f"{name}, of that behind few (Redis's CPU)", "×", [a / b for a, b in got], ("≤", 1.15), figure=middle)
        assert long.stack.processes[0].process.poll() is None
