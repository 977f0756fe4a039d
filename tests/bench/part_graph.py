"""The real graph of a job with one page, with providers that take no time, beside the four empty stages: what a job costs that is
counted, split, extracted and saved by the real services, its page texts and entries written durably."""
import statistics
import time

from measure import BEHIND_OCR, PROGRAMS, cpu_alone_s, cpu_s, load, run_json, stack, wait_for
from part_engine import Engine

JOBS, SECONDS = 3000, 3
SERVICES = ("dispatcher", "ocr-svc", "llm-svc", "persist-svc")
NULL = dict(SHEAF_OCR="null", **BEHIND_OCR)


def by_script():
    """Enqueued as a gateway does, but without a document: inspect, page, split, extract, save."""
    with stack(*SERVICES, **NULL) as s:
        load(s, "window", 300, 100, "inspect")
        redis, ours = cpu_alone_s(s.redis_process.pid), sum(cpu_s(s[name].pid) for name in SERVICES)
        got = load(s, "window", JOBS, 100, "inspect")
        return {"per_s": got["per_s"], "redis_us": (cpu_alone_s(s.redis_process.pid) - redis) / JOBS * 1e6,
                "ours_us": (sum(cpu_s(s[name].pid) for name in SERVICES) - ours) / JOBS * 1e6}


def by_upload():
    """The whole: documents of 1 KB over HTTP on 8 connections, until the last has its record; store comes on top."""
    with stack("gateway", *SERVICES, **NULL) as s:
        began = time.monotonic()
        got = run_json(PROGRAMS / "http", "upload", s.base, 1000, 8, SECONDS)
        assert not got["failed"], got
        wait_for(lambda: int(s.redis.hget("sheaf:{00}:totals", "done:save") or 0) >= got["done"], 60, "the last job's end")
        return got["done"] / (time.monotonic() - began)


def run(report):
    with Engine() as e:
        empty = e.run(JOBS)["per_s"]
    got = [by_script() for _ in range(report.runs)]
    note = f"CPU µs a job: Redis {statistics.median(g['redis_us'] for g in got):.0f}, services {statistics.median(g['ours_us'] for g in got):.0f}"
    report.row("4 empty stages", "jobs/s", [empty])
    report.row("1 page through inspect, page, split, extract, save", "jobs/s", [g["per_s"] for g in got], note=note)
    report.row("  a stage of it, of an empty stage", "×", [g["per_s"] * 5 / (empty * 4) for g in got])
    report.row("1 page, uploaded over HTTP, to its record", "jobs/s", [by_upload() for _ in range(report.runs)])
