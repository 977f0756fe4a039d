"""The peers, where they are installed: four no-op stages a job, with the same persistence, on the same machine.

BullMQ: `npm install bullmq ioredis` in a folder, named by BENCH_BULLMQ. RQ: Debian's python3-rq.  Both as their own documentation
shows them: one worker process, each stage enqueues the next, one producer."""
import json
import os
import pathlib
import subprocess
import sys
import time

from measure import in_turn, middle, run_json, stack
from part_engine import Engine

KEYS = ("peers",)
JOBS, PAIRS = 3000, 2  # of a slice; pairs for each run
HERE = pathlib.Path(__file__).resolve().parent
REDIS_DEFAULTS = ("--hash-max-listpack-value", "64", "--stream-node-max-entries", "100")  # theirs know nothing of what `sheaf up` sets


def bullmq_per_s(folder, redis_options):
    with stack(redis_options=redis_options) as s:
        return run_json("node", HERE / "peer_bullmq.js", s.redis_socket, JOBS, timeout=120, stderr=subprocess.DEVNULL,
                        env={**os.environ, "NODE_PATH": str(pathlib.Path(folder) / "node_modules")})["per_s"]


def bullmq(report, folder, redis_options, where):
    """Ours and theirs in turn, as in part_engine.py: the ratio is of neighbours."""
    with Engine() as ours:
        pairs = in_turn(lambda: ours.run(JOBS)["per_s"], lambda: bullmq_per_s(folder, redis_options), PAIRS * report.runs)
    report.row("ours beside it, 4 stages, AOF everysec", "jobs/s", [o for o, _ in pairs])
    report.row("4 stages, of BullMQ on " + where, "×", [o / b for o, b in pairs], ("≥", 6), figure=middle)
    return report.row(f"BullMQ on {where}, 4 stages, AOF everysec", "jobs/s", [b for _, b in pairs])


def rq(report):
    per_s = []
    for _ in range(report.runs):
        with stack(redis_options=REDIS_DEFAULTS) as s:
            env = {**os.environ, "PYTHONPATH": str(HERE), "REDIS_URL": "unix://" + s.redis_socket}
            worker = subprocess.Popen([sys.executable, "-m", "peer_rq", "worker"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                time.sleep(1)
                done = subprocess.run([sys.executable, "-m", "peer_rq", "produce", "300"], env=env, stdout=subprocess.PIPE, text=True,
                                      timeout=120, check=True)
                per_s.append(json.loads(done.stdout)["per_s"])
            finally:
                worker.kill()
                worker.wait(10)
    return report.row("RQ (SimpleWorker), 4 stages, AOF everysec", "jobs/s", per_s)


def run(report):
    peers = report.json.setdefault("peers", {})
    folder = os.environ.get("BENCH_BULLMQ", "")
    if folder and (pathlib.Path(folder) / "node_modules" / "bullmq").exists():
        peers["bullmq"] = bullmq(report, folder, REDIS_DEFAULTS, "Redis's defaults")
        peers["bullmq_tuned"] = bullmq(report, folder, (), "a Redis as ours")
    else:
        print("  BullMQ is not there (BENCH_BULLMQ)")
    if subprocess.run([sys.executable, "-c", "import rq"], stderr=subprocess.DEVNULL).returncode == 0:
        peers["rq"] = rq(report)
    else:
        print("  RQ is not there (python3-rq)")
