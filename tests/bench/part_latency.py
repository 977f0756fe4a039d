"""From the moment before the enqueue call to the first line of the first stage's function: idle, and at half load."""
import os
import pathlib
import tempfile

from measure import in_turn, load, middle, percentile
from part_engine import Engine

KEYS = ("accept_to_start_ms",)
SAMPLES, WARM = 400, 50
GAP_US = 4000  # between the end of one and the next: all have gone to sleep
PAIRS = {"idle": 8, "half load": 4}  # of slices, for each run: of a p99 few are too few


class Latency(Engine):
    """The engine, whose first step writes down how long each job took to get there."""

    def __enter__(self):
        self.file = pathlib.Path(tempfile.mkstemp(prefix="sheaf-latency-")[1])
        return super().__enter__()

    def start(self, *argv, **options):
        super().start(*argv, **{**options, "env": {**options.get("env", os.environ), "BENCH_LATENCY": str(self.file)}})

    def __exit__(self, *why):
        super().__exit__(*why)
        self.file.unlink(missing_ok=True)

    def samples(self, mode, jobs, number):
        self.file.write_text("")
        load(self.stack, mode, jobs, number)
        return [float(line) / 1000 for line in self.file.read_text().split()]


def p50_and_p99(samples):
    return percentile(samples, 50), percentile(samples, 99)


def run(report):
    """Ours and the bare loop in turn: how long a sleeping process takes to wake up differs from machine to machine, and from hour to hour."""
    with Latency() as ours, Latency(bare=True) as bare:
        def idle(e):
            return p50_and_p99(e.samples("single", SAMPLES + WARM, GAP_US)[WARM:])

        per_s = min(e.run(3000)["per_s"] for e in (ours, bare))

        def half(e):
            return p50_and_p99(e.samples("paced", 2000, per_s / 2)[WARM:])
        shown = []
        for when, take in (("idle", idle), ("half load", half)):
            pairs = in_turn(lambda: take(ours), lambda: take(bare), PAIRS[when] * report.runs)
            for n, name in enumerate(("p50", "p99")):
                goal = (("≤", 0.4), ("≤", 1.0))[n] if when == "idle" else None
                shown.append(report.row(f"enqueued → stage started, {when}, {name}", "ms", [o[n] for o, _ in pairs], goal))
                report.row("  bare loop", "ms", [b[n] for _, b in pairs])
                report.row("  of the bare loop", "×", [o[n] / b[n] for o, b in pairs], figure=middle)
    with Latency(persistence="always") as e:
        got = [p50_and_p99(e.samples("single", SAMPLES + WARM, GAP_US)[WARM:]) for _ in range(report.runs)]
        for n, name in enumerate(("p50", "p99")):
            report.row(f"enqueued → stage started, idle, AOF always, {name}", "ms", [g[n] for g in got])
    report.json["accept_to_start_ms"] = {"p50": round(shown[0], 3), "p99": round(shown[1], 3)}
