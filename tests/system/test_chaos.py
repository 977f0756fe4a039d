"""A short run of tests/chaos: some hundred uploads, faults of all sorts, and a ledger without a finding."""
import json
import os
import subprocess

from stack import BUILD, SLOW, TOP

CHAOS = TOP / "tests" / "chaos" / "chaos.py"
KEYS = {"uploads", "faults", "lost", "doubled", "stuck", "slowest_recovery_s"}


def chaos(*options):
    return subprocess.run(["/usr/bin/python3", str(CHAOS), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "TESTS_BUILD": str(BUILD)}, timeout=900 * SLOW)  # it ends by itself well before


def test_a_seed_stands_for_one_plan():
    one, same, other = (chaos("PLAN=1", f"SEED={seed}", "UPLOADS=300").stdout for seed in (5, 5, 6))
    assert one == same != other


def test_a_dozen_faults_among_four_hundred_uploads_lose_and_double_nothing(tmp_path):
    figures = tmp_path / "figures.json"
    done = chaos("SEED=4", "UPLOADS=400", "FAULTS=14", "GAP=0.8", "LEASE=3", f"JSON={figures}")
    assert done.returncode == 0, done.stdout
    found = json.loads(figures.read_text())
    assert KEYS <= set(found)
    assert found["uploads"] == 400 and sum(found["faults"].values()) >= 12
    assert (found["lost"], found["doubled"], found["stuck"]) == (0, 0, 0)
    assert found["slowest_recovery_s"] < 45 * SLOW, done.stdout  # under 10 s on a machine of its own
