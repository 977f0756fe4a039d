#!/usr/bin/python3
"""Strikes a running stack at random while files are uploaded, then checks that each 202 ended as promised.

    make chaos [SEED=1] [UPLOADS=10000] [FAULTS=n] [LEASE=10] [GAP=1.5] [SHARDS=1] [JSON=FILE]   (README.md says what is what)
    tests/chaos/chaos.py PLAN=1 …        only prints what would be done

The same seed gives the same plan. Exit 0 only if nothing was lost, doubled, stuck or otherwise wrong.
"""
import collections
import json
import os
import pathlib
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]

import ledger  # noqa: E402
import plan as plans  # noqa: E402
from clients import Crowd  # noqa: E402
from cluster import Cluster  # noqa: E402
from faults import Striker  # noqa: E402
from recovery import TYPES, Recovery  # noqa: E402

CALM_S = 120  # from the last fault until every job must have ended


def options(argv):
    given = {"SEED": "1", "UPLOADS": "10000", "FAULTS": "", "LEASE": "10", "GAP": "1.5", "SHARDS": "1", "JSON": "", "PLAN": ""}
    for word in argv:
        name, _, value = word.partition("=")
        if name not in given:
            sys.exit(f"{word}: not an option; known are {' '.join(given)}")
        if value:
            given[name] = value
    given["FAULTS"] = given["FAULTS"] or max(10, int(given["UPLOADS"]) // 44)
    return given


def wait_for_calm(cluster, crowd, recovery, shards):
    """Until nothing moves any more: (seconds, files whose job has not ended)."""
    client, began, open_jobs = cluster.private_redis(), time.monotonic(), list(crowd.files)
    while open_jobs and time.monotonic() - began < CALM_S:
        pipe = client.pipeline(transaction=False)
        for file in open_jobs:
            pipe.hget(f"{ledger.prefix(file.job)}job:{file.job}", "state")
        open_jobs = [f for f, state in zip(open_jobs, pipe.execute()) if state and state.split("\0")[0] not in ledger.ENDED]
        time.sleep(0.2)
    while time.monotonic() - began < CALM_S and (ledger.left_in_engine(client, TYPES, shards) or not recovery.idle()):
        time.sleep(0.2)
    client.close()
    return time.monotonic() - began, open_jobs


def run(plan, say):
    with Cluster(plan.lease_s, plan.shards, plan.room) as cluster:
        began = time.monotonic()
        recovery = Recovery(cluster, plan.shards)
        crowd, striker = Crowd(cluster, plan, began), None
        crowd.start()
        striker = Striker(cluster, plan, recovery, began)
        striker.join()
        say(f"all faults struck after {time.monotonic() - began:.0f} s, {len(crowd.files)} files accepted")
        answered = crowd.join(plan.span_s + 300)
        cluster.wait_healthy()
        calm_s, open_jobs = wait_for_calm(cluster, crowd, recovery, plan.shards)
        recovery.stop()
        say(f"all requests answered, calm after another {calm_s:.1f} s")
        for took, fault, held in sorted(recovery.slow, key=lambda s: -s[0])[:12]:
            say(f"  slow: {took} s for {held.type} {held.packed} after {fault.at_s} {fault.kind} {fault.victims} {fault.detail}")
        with crowd.lock:
            files = list(crowd.files)
        facts = ledger.read(cluster, TYPES, plan.shards)
        findings = ledger.check(files, crowd.batch_sizes, facts)
        findings += [ledger.Finding("stuck", "a request without an answer", w) for w in crowd.unanswered]
        findings += [ledger.Finding("wrong", "refused", w) for w in crowd.refused]
        findings += [ledger.Finding("wrong", "another answer to the same key", w) for w in crowd.answers_twice]
        findings += [ledger.Finding("stuck", f"{h.type} of {h.packed} held by {f.kind} {f.victims}", "") for f, h in recovery.never]
        falls = collections.Counter(label for label, _, _ in cluster.fell)
        findings += [ledger.Finding("wrong", f"ended by itself {falls[label]} times, last with {code}", f"{label} {text}")
                     for label, (code, text) in {label: (code, text) for label, code, text in cluster.fell}.items()]
        findings += [ledger.Finding("wrong", "the harness", w) for w in striker.wrong]
        if not answered:
            findings.append(ledger.Finding("stuck", "clients that never came to their end", ""))
        keep = os.environ.get("CHAOS_LOGS")
        if keep:
            pathlib.Path(keep).mkdir(parents=True, exist_ok=True)
            for log in pathlib.Path(cluster.folder).glob("*.log"):
                (pathlib.Path(keep) / log.name).write_bytes(log.read_bytes())
        return report(plan, files, crowd, striker, recovery, findings, time.monotonic() - began), findings


def report(plan, files, crowd, striker, recovery, findings, took_s):
    accounts = collections.Counter(f.account for f in findings)
    return {
        "uploads": len(files), "faults": dict(sorted(striker.counts.items())), "lost": accounts["lost"], "doubled": accounts["doubled"],
        "stuck": accounts["stuck"], "slowest_recovery_s": round(recovery.slowest, 2), "recoveries": recovery.recoveries,
        "wrong": accounts["wrong"], "failed_by_faults": accounts["faulted"], "faults_total": sum(striker.counts.values()),
        "moments_missed": dict(striker.missed), "requests": len(plan.requests), "questions_repeated": crowd.requests_repeated,
        "answers_full": crowd.full, "acted_on": sum(1 for f in files if f.acted), "seed": plan.seed, "lease_s": plan.lease_s, "shards": plan.shards, "room": plan.room,
        "seconds": round(took_s, 1)}


def show(figures, findings):
    print(f"uploads {figures['uploads']} in {figures['requests']} requests ({figures['questions_repeated']} repeated, "
          f"{figures['answers_full']} times full), {figures['acted_on']} cancelled, retried or run again, {figures['seconds']:.0f} s")
    print(f"faults {figures['faults_total']}: " + ", ".join(f"{kind} {n}" for kind, n in figures["faults"].items()))
    print(f"recoveries {figures['recoveries']}, slowest {figures['slowest_recovery_s']:.1f} s")
    print(f"lost {figures['lost']}, doubled {figures['doubled']}, stuck {figures['stuck']}, wrong {figures['wrong']}, "
          f"failed by faults {figures['failed_by_faults']}")
    for f in findings[:60]:
        print(f"  {f.account}: {f.what} {f.about}")


def main(argv):
    given = options(argv)
    plan = plans.make(int(given["SEED"]), int(given["UPLOADS"]), int(given["FAULTS"]), float(given["LEASE"]), int(given["SHARDS"]), gap_s=float(given["GAP"]))
    if given["PLAN"]:
        print(plans.describe(plan))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of the stack's own end
    print(plans.describe(plan).split("\n")[0], flush=True)
    figures, findings = run(plan, lambda text: print(text, flush=True))
    show(figures, findings)
    if given["JSON"]:
        pathlib.Path(given["JSON"]).write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if any(f.account != "faulted" for f in findings) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
