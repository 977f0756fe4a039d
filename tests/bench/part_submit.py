"""`sheaf submit`: a folder of documents on its way into the queue, beside one connection that only uploads."""
import os
import pathlib
import subprocess
import tempfile
import time

from measure import BUILD, PROGRAMS, TOP, run_json, stack

FILES, BYTES = 500, 200_000


def documents(folder):
    """Files of which no two are equal, and none compresses."""
    noise = os.urandom(BYTES)
    for n in range(FILES):
        (pathlib.Path(folder) / f"{n:03}.pdf").write_bytes(b"%%PDF-1.4\n%d\n" % n + noise)


def submit(s, folder):
    began, before = time.monotonic(), os.times()
    done = subprocess.run([BUILD / "sheaf", "submit", "--no-wait", *sorted(map(str, pathlib.Path(folder).iterdir()))], cwd=TOP,
                          env=s.env(SHEAF_URL=f"http://127.0.0.1:{s.base}"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    spent, after = time.monotonic() - began, os.times()
    if done.returncode or done.stdout.count("accepted") != FILES:
        raise RuntimeError(f"sheaf submit: {done.returncode} {done.stderr[-300:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return FILES / spent, cpu / FILES * 1e6


def run(report):
    with stack("gateway") as s, tempfile.TemporaryDirectory(dir=s.folder) as folder:
        documents(folder)
        pairs = []
        for _ in range(report.runs):
            bare = run_json(PROGRAMS / "http", "upload", s.base, BYTES, 1, 3)["per_s"]
            pairs.append((*submit(s, folder), bare))
    report.row(f"sheaf submit, {FILES} files of 200 KB", "files/s", [p[0] for p in pairs], note=f"{pairs[0][1]:.0f} µs of its CPU a file")
    report.row("  of one connection that uploads one by one", "×", [p[0] / p[2] for p in pairs])
