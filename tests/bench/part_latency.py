"""From the moment before the enqueue call to the first line of the first stage's function: idle, and at half load."""
import pathlib
import statistics
import tempfile

from measure import load, percentile
from part_engine import Engine

KEYS = ("accept_to_start_ms",)
SAMPLES, WARM = 400, 50


class Latency(Engine):
    """The engine, whose first step writes down how long each job took to get there."""

    def start_services(self, s):
        self.file = pathlib.Path(tempfile.mkstemp(prefix="sheaf-latency-")[1])
        self.more_env = {"BENCH_LATENCY": str(self.file)}
        super().start_services(s)

    def start(self, *argv, **options):
        if "env" in options:
            options["env"] = {**options["env"], **self.more_env}
        super().start(*argv, **options)

    def __exit__(self, *why):
        super().__exit__(*why)
        self.file.unlink(missing_ok=True)

    def samples(self, mode, jobs, number):
        self.file.write_text("")
        load(self.stack, mode, jobs, number)
        return [float(line) / 1000 for line in self.file.read_text().split()]


def run(report):
    idle, busy = [], []
    for _ in range(report.runs):
        with Latency() as e:
            idle.append(e.samples("single", SAMPLES + WARM, 4000)[WARM:])
            per_s = e.run(3000)["per_s"]
            busy.append(e.samples("paced", 2000, per_s / 2)[WARM:])
    p50 = report.row("enqueued → stage started, idle, p50", "ms", [percentile(s, 50) for s in idle], ("≤", 0.4))
    p99 = report.row("enqueued → stage started, idle, p99", "ms", [percentile(s, 99) for s in idle], ("≤", 1.0))
    report.row("enqueued → stage started, half load, p50", "ms", [percentile(s, 50) for s in busy])
    report.row("enqueued → stage started, half load, p99", "ms", [percentile(s, 99) for s in busy])
    report.json["accept_to_start_ms"] = {"p50": round(p50, 3), "p99": round(p99, 3)}
    assert statistics.median(len(s) for s in idle) == SAMPLES
