"""The real graph of a job with one page, with providers that take no time, beside the four empty stages: what a job costs that is
counted, split, extracted, saved, stored and told of by the real services, its page texts and entries written durably."""
import statistics
import time

from measure import BEHIND_OCR, PROGRAMS, cpu_alone_s, cpu_s, in_turn, load, middle, run_json, stack, wait_for
from part_engine import SLICE, Engine

JOBS, UPLOADS = 1500, 1000  # of a slice
PAIRS = 2  # of slices, for each run
SERVICES = ("gateway", "dispatcher", "ocr-svc", "llm-svc", "persist-svc", "notify-svc")
TASKS = 7  # of an uploaded document: store, inspect, page, split, extract, save, notify


class Graph:
    """All six services, and what a number of jobs costs them."""

    def __init__(self):
        self.s = stack(*SERVICES, SHEAF_OCR="null", SHEAF_NOTIFY_WHEN="job", **BEHIND_OCR)

    def __enter__(self):
        self.s.__enter__()
        return self

    def __exit__(self, *why):
        self.s.__exit__(*why)

    def cpu(self):
        return cpu_alone_s(self.s.redis_process.pid), sum(cpu_s(self.s[name].pid) for name in SERVICES)

    def ended(self, stage):
        return int(self.s.redis.hget("sheaf:{00}:totals", "done:" + stage) or 0)

    def measured(self, jobs, work):
        redis, services = self.cpu()
        per_s = work()
        redis_now, services_now = self.cpu()
        return {"per_s": per_s, "redis_us": (redis_now - redis) / jobs * 1e6, "services_us": (services_now - services) / jobs * 1e6}

    def by_script(self):
        """Enqueued as a gateway does, but without a document: inspect, page, split, extract, save, notify."""
        return self.measured(JOBS, lambda: load(self.s, "window", JOBS, 100, "inspect")["per_s"])

    def upload(self, documents=UPLOADS, connections=8):
        """The whole: documents of 1 KB over HTTP, until the last has its record and its message; with store."""
        before, began = self.ended("notify"), time.monotonic()
        got = run_json(PROGRAMS / "http", "upload", self.s.base, 1000, connections, f"x{documents}")
        assert not got["failed"], got
        wait_for(lambda: self.ended("notify") - before >= documents, 120, "the last job's end")
        return documents / (time.monotonic() - began)

    def by_upload(self):
        return self.measured(UPLOADS, self.upload)


def tell(report, name, got):
    return report.row(name, "jobs/s", [g["per_s"] for g in got], note=f"CPU µs a job: Redis {statistics.median(g['redis_us'] for g in got):.0f}, "
                      f"services {statistics.median(g['services_us'] for g in got):.0f}")


def run(report):
    with Engine() as empty, Graph() as graph:
        graph.by_script()
        pairs = in_turn(graph.by_script, lambda: empty.run(SLICE)["per_s"], PAIRS * report.runs)
        uploads = in_turn(graph.by_upload, graph.by_script, PAIRS * report.runs)
    tell(report, "1 page through inspect, page, split, extract, save, notify", [g for g, _ in pairs])
    report.row("  a stage of it, of an empty stage", "×", [g["per_s"] * 6 / (e * 4) for g, e in pairs], figure=middle)
    tell(report, "1 page, uploaded over HTTP, to its record and message", [u for u, _ in uploads])
    report.row("  of the same by the script, without its upload and store", "×", [u["per_s"] / g["per_s"] for u, g in uploads], figure=middle)
