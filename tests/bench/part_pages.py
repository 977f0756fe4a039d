"""Reading pages: a stub engine that takes 200 ms a page, with 1 to 8 replicas; the real one beside a bare loop over the same
pages; one long document with one replica and with two."""
import datetime
import os
import pathlib
import statistics
import tempfile
import time
import typing

from measure import BEHIND_OCR, PROGRAMS, TOP, cpu_s, load, run_json, stack, wait_for
import documents

PAGES = int(os.environ.get("BENCH_PAGES", "40"))


def stub(report):
    """Jobs of one page each, so that what is shared out is rooms at one dispatcher, nothing else."""
    alone = None
    for replicas in (1, 2, 4, 8):
        with stack("dispatcher", "llm-svc", "persist-svc", SHEAF_OCR="null", SHEAF_NULL_OCR_DELAY="200ms", SHEAF_NOTIFY_WHEN="never", **BEHIND_OCR) as s:
            for n in range(replicas):
                s.start("ocr-svc", f"ocr{n}", SHEAF_THREADS=1, SHEAF_ROOM=1)  # as a real engine's
            load(s, "window", 2 * replicas, 100, "inspect")
            per_s = load(s, "window", 50 * replicas, 1000, "inspect")["per_s"]
        alone = alone or per_s
        report.row(f"stub engine of 200 ms, {replicas} replicas, of {replicas} × one", "×", [per_s / alone / replicas],
                   None if replicas == 1 else ("≥", 0.95), f"{per_s:.1f} pages/s")


def scan(folder):
    path = pathlib.Path(folder) / "scan.pdf"
    path.write_bytes(documents.scan_pdf([documents.form_lines(n) for n in range(PAGES)], dpi=200))
    return path


def bare(path, engines=2):
    """Pages a second of the bare loop, and its CPU seconds a page."""
    got = run_json(PROGRAMS / "bare-pages", path, engines, cwd=TOP)
    return got["per_s"], got["cpu_s"] / PAGES


class Read(typing.NamedTuple):
    pages_s: float   # from acceptance to the last page's words
    record_s: float  # from the upload to the end of the job
    cpu_s: float     # a page, of all services, decoders included


def pages_read_s(job):
    """As the job's page tells it."""
    stage = next(s for s in job["stages"] if s["stage"] == "page")
    began, ended = (datetime.datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (job["created_at"], stage["finished_at"]))
    return (ended - began).total_seconds()


def whole(path, replicas, threads=1):
    with stack("dispatcher", "gateway", "llm-svc", "persist-svc", SHEAF_NOTIFY_WHEN="never") as s:
        for n in range(replicas):
            s.start("ocr-svc", f"ocr{n}", SHEAF_THREADS=threads)
        wait_for(lambda: len(s.redis.keys("sheaf:worker:*")) == replicas + 2, 60, "every worker at the dispatcher")
        began, cpu = time.monotonic(), sum(cpu_s(p.pid) for p in s.processes)
        status, answer = s.upload((path.name, path.read_bytes()))
        assert status == 202, answer
        s.batch_done(answer["batch_id"], 600)
        spent, used = time.monotonic() - began, sum(cpu_s(p.pid) for p in s.processes) - cpu
        job = s.get(f"/api/job_status/{answer['job_ids'][0]['job_id']}")[1]
        return Read(pages_read_s(job), spent, used / PAGES)


def real(report, path):
    """What is compared stands close together in time: one round of all after the other."""
    rounds = [(bare(path), whole(path, 1, threads=2), whole(path, 2), whole(path, 1), bare(path, 1)) for _ in range(report.runs)]
    loops, pairs, twos, ones, singles = ([r[i] for r in rounds] for i in range(5))
    report.row(f"{PAGES} scanned pages, bare loop of two engines", "pages/s", [loop[0] for loop in loops],
               note=f"{statistics.median(loop[1] for loop in loops):.2f} s of CPU a page")
    report.row(f"{PAGES} scanned pages through the services, two engines", "pages/s", [PAGES / pair.pages_s for pair in pairs],
               note=f"{statistics.median(pair.cpu_s for pair in pairs):.2f} s of CPU a page")
    report.row("  of the bare loop", "×", [PAGES / pair.pages_s / loop[0] for pair, loop in zip(pairs, loops)], ("≥", 0.95))
    report.row("  CPU of the bare loop, of its CPU to the record", "×", [loop[1] / pair.cpu_s for pair, loop in zip(pairs, loops)], ("≥", 0.95))
    report.row("  after the last page, until every record is there", "ms", [(pair.record_s - pair.pages_s) * 1000 for pair in pairs])
    report.row("one document with 2 ocr-svc, of the time with 1", "×", [two.record_s / one.record_s for two, one in zip(twos, ones)], ("≤", 0.55))
    report.row("  bare loop of two engines, of the time of one: what the machine allows", "×", [one[0] / two[0] for two, one in zip(loops, singles)])


def run(report):
    stub(report)
    with tempfile.TemporaryDirectory() as folder:
        real(report, scan(folder))
