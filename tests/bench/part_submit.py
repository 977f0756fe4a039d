"""`sheaf submit`: a folder of documents on its way into the queue, beside one connection that only uploads."""
import functools
import os
import pathlib
import subprocess
import tempfile
import time

from measure import BUILD, TOP, in_turn, stack
from part_http import PAIRS_S, forget, tell, upload

FILES, BYTES = 500, 200_000


def documents(folder):
    """Files of which no two are equal, and none compresses."""
    noise = os.urandom(BYTES)
    for n in range(FILES):
        (pathlib.Path(folder) / f"{n:03}.pdf").write_bytes(b"%%PDF-1.4\n%d\n" % n + noise)


def submit(s, folder):
    os.sync()
    files = sorted(map(str, pathlib.Path(folder).iterdir()))
    began, before = time.monotonic(), os.times()
    done = subprocess.run([BUILD / "sheaf", "submit", "--no-wait", *files], cwd=TOP,
                          env=s.env(SHEAF_URL=f"http://127.0.0.1:{s.base}"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    spent, after = time.monotonic() - began, os.times()
    if done.returncode or done.stdout.count("accepted") != FILES:
        raise RuntimeError(f"sheaf submit: {done.returncode} {done.stderr[-300:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    forget(s)  # what is known already is other work
    return dict(done=FILES, per_s=FILES / spent, cpu_us=cpu / FILES * 1e6)


def run(report):
    with stack("gateway") as s, tempfile.TemporaryDirectory(dir=s.folder) as folder:
        documents(folder)
        sheaf, one_by_one = functools.partial(submit, s, folder), functools.partial(upload, s, BYTES, 1, f"x{FILES}")
        sheaf(), one_by_one()
        pairs = in_turn(sheaf, one_by_one, report.runs, PAIRS_S * report.runs)
    tell(report, f"sheaf submit, {FILES} files of 200 KB", pairs, "one connection that uploads one by one", note=f"{pairs[0][0]['cpu_us']:.0f} µs of its CPU a file; ")
