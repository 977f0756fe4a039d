#!/usr/bin/python3
"""make bench: measures everything in one go, prints a table with medians and ratios.

    tests/bench/run.py [--only engine,latency] [--runs 3] [--json FILE] [--twice] [--realtime]

Each part is a file part_<name>.py with a function run(report): it adds rows, and keys to report.json, which its KEYS name. Goals
compare ratios within this run, wherever there is something to compare with.  --twice measures all of it two times and
shows how far the ratios lie apart.  --realtime (root) puts everything before other work on the machine, for figures
that a neighbour must not spoil; it starves the neighbours meanwhile.
"""
import argparse
import collections
import importlib
import json
import math
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import measure  # noqa: E402

# In this order: what is compared with each other stands together.
PARTS = ["engine", "nodes", "floor", "graph", "peers", "latency", "http", "submit", "pages", "start", "memory", "depth"]
SPREAD = 0.15  # how far two runs' ratios may lie apart


def run_part(report, name):
    part = importlib.import_module("part_" + name)
    report.part = name
    began = time.monotonic()
    print(name, flush=True)
    with measure.Foreign() as foreign:
        part.run(report)
    print(f"  ({time.monotonic() - began:.0f} s; others used {foreign.cores:.2f} cores)", flush=True)
    missing = set(getattr(part, "KEYS", ())) - report.json.keys()
    if missing:
        raise RuntimeError(f"part {name} gave no {', '.join(sorted(missing))}")


def run_all(names, runs):
    report = measure.Report(runs)
    for name in names:
        run_part(report, name)
    return report


def ratios(report):
    """The ratios of a run by name: part, row that they belong to, row, and the how manieth of that name."""
    found, seen, of = {}, collections.Counter(), ""
    for row in report.rows:
        if not row.name.startswith(" "):
            of = row.name
        if row.unit == "×":
            name = f"{row.part}: " + (row.name if row.name == of else f"{of}, {row.name.strip()}")
            seen[name] += 1
            found[name if seen[name] == 1 else f"{name} ({seen[name]})"] = row.median
    return found


def apart(one, two):
    """How far two ratios lie from each other, as a share of the smaller."""
    return 0 if one == two else abs(one - two) / min(one, two) if min(one, two) > 0 else math.inf


def show_apart(first, second):
    """True when both runs have the same ratios and every one repeats."""
    one, two = ratios(first), ratios(second)
    both = {name: apart(one[name], two[name]) for name in one if name in two}
    alone = [name for name in (*one, *two) if name not in both]
    print("\n| ratio | first | second | apart |\n|---|---:|---:|---:|")
    for name, spread in both.items():
        print(f"| {name} | {measure.number(one[name])} | {measure.number(two[name])} | {spread:.0%}{'' if spread <= SPREAD else ' (!)'} |")
    for name in alone:
        print(f"| {name} | {' | '.join(measure.number(run[name]) if name in run else '-' for run in (one, two))} | in one run only (!) |")
    return not alone and all(spread <= SPREAD for spread in both.values())


def figures(report):
    """What the parts promise, and every row."""
    return report.json | {"rows": [row._asdict() for row in report.rows]}


def write_json(path, how, first, second=None):
    """What the parts promise stands on top; of a second run below `again`."""
    if path:
        path.write_text(json.dumps({"machine": how} | figures(first) | ({"again": figures(second)} if second else {}), indent=1, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Measures Sheaf beside its bounds and its peers.")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas: " + " ".join(PARTS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--realtime", action="store_true")
    args = parser.parse_args()
    names = args.only.split(",")
    unknown = set(names) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    if args.realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(5))  # inherited by all that is started
    how = measure.machine() + (", at real-time priority" if args.realtime else "")
    print(how, flush=True)
    report, repeats = run_all(names, args.runs), True
    print("\n" + how + "\n\n" + report.table())
    write_json(args.json, how, report)
    if args.twice:
        second = run_all(names, args.runs)
        print("\n" + second.table())
        write_json(args.json, how, report, second)
        repeats = show_apart(report, second)
    return 0 if repeats else 1


if __name__ == "__main__":
    sys.exit(main())
