"""The outside: uploads beside bare durable writes, status polls, event streams."""
import functools
import os
import pathlib
import statistics
import tempfile
import threading
import time

from measure import PROGRAMS, REST_S, TOP, in_turn, middle, rss_mib, run_json, stack

KEYS = ("upload_200k_per_s", "upload_2m_mb_per_s", "bare_2m_mb_per_s", "poll_per_s")
SECONDS = 3
# A slice: about so long (in a burst a disk takes more than it can go on taking), at least so many documents of each connection, at most so many bytes.
SLICE_S, WAVES, SLICE_MAX = 2.5, 8, 2_500_000_000
PAIRS_S = 6  # of slices, for each run
# Small documents do not fill what a disk takes in a burst, so their slices may be short and the more: one connection's pairs lie up to a third apart.
SHORT_SLICE_S, MORE_PAIRS_S = 1.2, 10
SIZES = {"200 KB": 200_000, "2 MB": 2_000_000, "20 MB": 20_000_000}


def http(*argv):
    return run_json(PROGRAMS / "http", *argv)


def a_slice(what, where, size, connections, limit):
    """Documents of so many bytes, one after another on each connection, on a disk that has nothing else to write when it begins."""
    os.sync()
    got = http(what, where, size, connections, limit)
    assert not got["failed"], got
    return got


def bare_folder(s, size, writers, limit, what="folder"):
    folder = tempfile.mkdtemp(dir=s.folder)
    got = a_slice(what, folder, size, writers, limit)
    empty(folder)
    return got


def upload(s, size, connections, limit):
    got = a_slice("upload", s.base, size, connections, limit)
    forget(s)
    return got


def is_small(size):
    return size == SIZES["200 KB"]


def documents(per_s, size, connections):
    """How many a slice has: of both the same, so that both leave the disk as much to do.  Several of each connection, or what is measured is how
    they all begin and end at once (2 MB over 64, of the bare loop: 0.45 with 2 each, 0.67 with 4, 0.84 with 8, 0.83 with 16); of large ones fewer."""
    several = min(WAVES * max(connections, 4), SLICE_MAX // size)
    return f"x{max(round(per_s * (SHORT_SLICE_S if is_small(size) else SLICE_S)), several, connections)}"


def beside(report, size, connections, ours, bare):
    """Slices of ours and of the bare loop in turn, both warm.  ours, bare: what does it, given the limit."""
    limit = documents(ours(SLICE_S)["per_s"], size, connections)
    bare(limit)
    return in_turn(lambda: ours(limit), lambda: bare(limit), report.runs, (MORE_PAIRS_S if is_small(size) else PAIRS_S) * report.runs)


def ratios(pairs):
    return [ours["per_s"] / bare["per_s"] for ours, bare in pairs]


def tell(report, what, pairs, of, goal=None, ratio_goal=None, note=""):
    """What was done in all slices together, stalls too; and by how much ours differs from its neighbours. Answers both."""
    slices = [ours["per_s"] for ours, _ in pairs]
    per_s = report.row(what, "/s", slices, goal, f"{note}{len(pairs)} slices of {pairs[0][0]['done']}", figure=statistics.harmonic_mean)
    return per_s, report.row("  of " + of, "×", ratios(pairs), ratio_goal, figure=middle)


def forget(s):
    """What was uploaded is not wanted: the disk and Redis stay small."""
    s.redis.flushall()
    s.redis.set("sheaf:shards", 1)
    empty(s.folder + "/var/blobs")


def uploads_always(report):
    """As `sheaf up` keeps what it answered: no answer before Redis has its job on the disk, too."""
    size = SIZES["200 KB"]
    with stack("gateway", persistence="always") as s, stack("gateway") as everysec:
        pairs = beside(report, size, 8, functools.partial(upload, s, size, 8), functools.partial(upload, everysec, size, 8))
        tell(report, "upload 200 KB, 8 connections, AOF always", pairs, "the same with everysec", ("≥", 2000))


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def empty(folder):
    """Gives the space back, not the files: ext4 avoids inodes that were freed within the last minute and looks for others one by
    one, which took 37 % of the gateway's time after thousands had been deleted."""
    for at, _, names in os.walk(folder):
        for path in (os.path.join(at, name) for name in names):
            if os.stat(path).st_size:
                os.chmod(path, 0o600)
                os.truncate(path, 0)


def rested_mib(pid):
    """What a process keeps. At once it depends on how long ago it last gave back what is free."""
    time.sleep(REST_S)
    return rss_mib(pid)


BARE = {"write, fsync, rename of the same bytes": "folder", "receive, SHA-256, write, fsync, rename": "received"}


def bare_loops(connections):
    """What an upload is compared with.  The loop that has its bytes in memory stands for the disk, and the goals speak of it; with one connection, where the time goes into
    waking up, and with more than there are threads, where it goes into the processor, it is the server that does nothing else which says what is the gateway's own."""
    return [of for of in BARE if connections == 8 or BARE[of] == "received"]


def upload_row(report, s, name, connections):
    size, ours = SIZES[name], functools.partial(upload, s, SIZES[name], connections)
    for n, of in enumerate(bare_loops(connections)):
        pairs = beside(report, size, connections, ours, functools.partial(bare_folder, s, size, connections, what=BARE[of]))
        if n:
            report.row("  of " + of, "×", ratios(pairs), figure=middle)
            continue
        first = pairs[0][0]
        per_s, ratio = tell(report, f"upload {name}, {connections} connections", pairs, of,
                            ("≥", 2000) if (name, connections) == ("200 KB", 8) else None, ("≥", 0.7) if (name, connections) == ("2 MB", 8) else None,
                            f"{first['per_s'] * size / 1e6:.0f} MB/s, p99 {first['p99_us'] / 1000:.1f} ms; ")
        if (name, connections) == ("200 KB", 8):
            report.json["upload_200k_per_s"] = per_s
        if (name, connections) == ("2 MB", 8):
            report.json["upload_2m_mb_per_s"] = per_s * size / 1e6
            report.json["bare_2m_mb_per_s"] = report.json["upload_2m_mb_per_s"] / ratio


def uploads(report):
    with stack("gateway") as s:
        for name in SIZES:
            for connections in (1, 8, 64):
                upload_row(report, s, name, connections)
        report.row("gateway's RSS, the most there was meanwhile", "MiB", [rss_mib(s["gateway"].pid, "VmHWM")])
        after_all = rested_mib(s["gateway"].pid)
        for size in SIZES.values():
            upload(s, size, 64, SECONDS)
        report.row("gateway's RSS after all uploads and a rest", "MiB", [after_all])
        report.row("  after as many again, of that", "×", [rested_mib(s["gateway"].pid) / after_all], ("≤", 1.05))


def to_redis(s, what, where, size, limit):
    """Until the disk has it: with everysec the last second's worth is written after the last answer, and fell to whatever came next."""
    got = a_slice(what, where, size, 8, limit)
    began = time.monotonic()
    for path in pathlib.Path(s.folder, "appendonlydir").glob("*.aof"):
        sync(path)
    got["per_s"] = got["done"] / (got["done"] / got["per_s"] + time.monotonic() - began)
    forget(s)
    return got


def uploads_to_redis(report):
    """The AOF grows by both alike and is not rewritten: a rewrite falls to one or the other."""
    size = SIZES["2 MB"]
    with stack("gateway", redis_options=("--auto-aof-rewrite-percentage", "0"), SHEAF_BLOBS="redis") as s:
        pairs = beside(report, size, 8, functools.partial(to_redis, s, "upload", s.base, size), functools.partial(to_redis, s, "sets", s.redis_socket, size))
        tell(report, "upload 2 MB, blobs in Redis, 8 connections", pairs, "SETs of the same bytes", ratio_goal=("≥", 0.7))
        report.row("  gateway's RSS, the most there was meanwhile", "MiB", [rss_mib(s["gateway"].pid, "VmHWM")])


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
    uploads_always(report)
    uploads_to_redis(report)
    polls(report)
    listeners(report)
