"""The outside: uploads beside bare durable writes, status polls, event streams."""
import os
import pathlib
import tempfile
import threading
import time

from measure import PROGRAMS, REST_S, TOP, rss_mib, run_json, stack

KEYS = ("upload_200k_per_s", "upload_2m_mb_per_s", "bare_2m_mb_per_s", "poll_per_s")
SECONDS = 3
SIZES = {"200 KB": 200_000, "2 MB": 2_000_000, "20 MB": 20_000_000}


def http(*argv):
    return run_json(PROGRAMS / "http", *argv)


def bare_folder(s, size, writers):
    folder = tempfile.mkdtemp(dir=s.folder)
    got = http("folder", folder, size, writers, SECONDS)
    empty(folder)
    return got["per_s"]


def upload(s, size, connections):
    got = http("upload", s.base, size, connections, SECONDS)
    assert not got["failed"], got
    forget(s)
    return got


def forget(s):
    """What was uploaded is not wanted: the disk and Redis stay small."""
    s.redis.flushall()
    s.redis.set("sheaf:shards", 1)
    empty(s.folder + "/var/blobs")


def empty(folder):
    """Gives the space back, not the files: ext4 avoids inodes that were freed within the last minute and looks for others one by
    one, which took 37 % of the gateway's time after thousands had been deleted."""
    for path in pathlib.Path(folder).glob("**/*"):
        if path.is_file() and path.stat().st_size:
            path.chmod(0o600)
            os.truncate(path, 0)


def rested_mib(pid):
    """What a process keeps. At once it depends on how long ago it last gave back what is free."""
    time.sleep(REST_S)
    return rss_mib(pid)


def uploads(report):
    with stack("gateway") as s:
        for name, size in SIZES.items():
            for connections in (1, 8, 64):
                pairs = []
                for _ in range(report.runs):
                    bare = bare_folder(s, size, min(connections, 8))
                    pairs.append((upload(s, size, connections), bare))
                ours = [p[0]["per_s"] for p in pairs]
                report.row(f"upload {name}, {connections} connections", "/s", ours,
                           ("≥", 2000) if (name, connections) == ("200 KB", 8) else None,
                           f"{ours[0] * size / 1e6:.0f} MB/s, p99 {pairs[0][0]['p99_us'] / 1000:.1f} ms")
                ratio = report.row("  of write, fsync, rename of the same bytes", "×", [p[0]["per_s"] / p[1] for p in pairs],
                                   ("≥", 0.7) if (name, connections) == ("2 MB", 8) else None)
                if (name, connections) == ("200 KB", 8):
                    report.json["upload_200k_per_s"] = sorted(ours)[len(ours) // 2]
                if (name, connections) == ("2 MB", 8):
                    report.json["upload_2m_mb_per_s"] = sorted(ours)[len(ours) // 2] * size / 1e6
                    report.json["bare_2m_mb_per_s"] = report.json["upload_2m_mb_per_s"] / ratio
        after_all = rested_mib(s["gateway"].pid)
        for size in SIZES.values():
            upload(s, size, 64)
        report.row("gateway's RSS after all uploads and a rest", "MiB", [after_all])
        report.row("  after as many again, of that", "×", [rested_mib(s["gateway"].pid) / after_all], ("≤", 1.05))


def uploads_to_redis(report):
    size = SIZES["2 MB"]
    with stack("gateway", SHEAF_BLOBS="redis") as s:
        pairs = []
        for _ in range(report.runs):
            bare = http("sets", s.redis_socket, size, 8, SECONDS)["per_s"]
            forget(s)
            pairs.append((upload(s, size, 8)["per_s"], bare))
        report.row("upload 2 MB, blobs in Redis, 8 connections", "/s", [p[0] for p in pairs])
        report.row("  of SETs of the same bytes", "×", [p[0] / p[1] for p in pairs], ("≥", 0.7))


def polls(report):
    with stack("gateway") as s:
        job = s.upload(("a.pdf", b"%PDF-1.4 a"))[1]["job_ids"][0]["job_id"]
        batch = s.upload(*[(f"{n}.pdf", b"%%PDF-1.4 %d" % n) for n in range(100)])[1]["batch_id"]
        for name, path, goal in (("a job", f"/api/job_status/{job}", 20000), ("a batch of 100", f"/api/batch_status?batch_id={batch}", 10000)):
            got = [http("poll", s.base, path, 8, SECONDS) for _ in range(report.runs)]
            per_s = report.row(f"status of {name}, 8 connections", "/s", [g["per_s"] for g in got], ("≥", goal), f"p99 {got[0]['p99_us']} µs")
            again = [http("unchanged", s.base, path, 8, SECONDS)["per_s"] for _ in range(report.runs)]
            report.row("  answered 304 to its ETag", "/s", again, ("≥", goal))
            if goal == 20000:
                report.json["poll_per_s"] = per_s


def listeners(report):
    """1,000 streams of one batch, while something happens to it and others upload and poll."""
    with stack("gateway") as s:
        batch = s.post("/api/batches", {"expected": 100})[1]["batch_id"]
        s.upload(("a.pdf", b"%PDF-1.4 a"), fields=[("batch_id", batch)])
        before = rss_mib(s["gateway"].pid)
        found = {}
        thread = threading.Thread(target=lambda: found.update(http("listen", s.base, f"/api/events?batch_id={batch}", 1000, 6)))
        thread.start()
        time.sleep(2)
        open_rss, threads = rss_mib(s["gateway"].pid), len(list((TOP / f"/proc/{s['gateway'].pid}/task").iterdir()))
        for n in range(3):
            s.upload((f"{n}.pdf", b"%%PDF-1.4 more %d" % n), fields=[("batch_id", batch)])
            time.sleep(0.5)
        poll = http("poll", s.base, f"/api/batch_status?batch_id={batch}", 8, 1)
        thread.join()
        report.row("event streams held of 1,000", "", [found["streams"]], ("≥", 1000), f"{threads} threads; each got {found['least']} events or more")
        report.row("  memory for them", "MiB", [open_rss - before])
        report.row("  status polls meanwhile", "/s", [poll["per_s"]])


def run(report):
    uploads(report)
    uploads_to_redis(report)
    polls(report)
    listeners(report)
