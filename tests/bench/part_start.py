"""From exec to ready, service by service; and from `built` to the first record, with the sample forms."""
import os
import shutil
import subprocess
import tempfile
import time

from measure import ADMIN, BUILD, TOP, http, stack
from stack import free_base

SERVICES = ("gateway", "dispatcher", "llm-svc", "persist-svc", "notify-svc", "ocr-svc")


def ready_ms(s, name):
    began = time.monotonic()
    s.start(name)
    while True:
        try:
            if http("GET", f"http://127.0.0.1:{s.base + ADMIN[name]}/readyz", timeout=2)[0] == 200:
                return (time.monotonic() - began) * 1000
        except OSError:
            pass
        if time.monotonic() - began > 20:
            raise RuntimeError(f"{name} was not ready in 20 s")
        time.sleep(0.001)


def services(report):
    taken = {name: [] for name in SERVICES}
    for _ in range(report.runs):
        with stack("dispatcher", SHEAF_OCR="null") as s:  # a worker is ready when a dispatcher has answered it
            s["dispatcher"].kill()
            for name in ("dispatcher", *(n for n in SERVICES if n != "dispatcher")):
                taken[name].append(ready_ms(s, name))
    for name in SERVICES:
        report.row(f"{name}, from exec to ready" + (" (null engine)" if name == "ocr-svc" else ""), "ms", taken[name], ("≤", 100))


def demo(report):
    took = []
    for _ in range(report.runs):
        var = tempfile.mkdtemp(prefix="sheaf-bench-")
        env = {k: v for k, v in os.environ.items() if not k.startswith("SHEAF_")}
        env.update(SHEAF_VAR=var, SHEAF_PORT=str(free_base()), ONCE="1")
        began = time.monotonic()
        p = subprocess.Popen([TOP / "cli" / "demo.sh", BUILD], cwd=TOP, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        first = None
        for line in p.stdout:
            if first is None and (".pdf" in line or ".png" in line or ".jpg" in line):
                first = time.monotonic() - began
        if p.wait(60) or first is None:
            raise RuntimeError("the demo failed")
        took.append(first)
        shutil.rmtree(var, ignore_errors=True)
    report.row("make demo, from built to the first record", "s", took, ("≤", 5))


def run(report):
    services(report)
    demo(report)
