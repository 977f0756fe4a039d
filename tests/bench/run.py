#!/usr/bin/python3
"""make bench: measures everything in one go, prints a table with medians and ratios.

    tests/bench/run.py [--only engine,latency] [--runs 3] [--json FILE]

Each part is a file part_<name>.py with a function run(report): it adds rows, and keys to report.json. Goals compare ratios
within this run, wherever there is something to compare with.
"""
import argparse
import importlib
import json
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import measure  # noqa: E402

# In this order: what is compared with each other stands together.
PARTS = ["engine", "peers", "latency", "http", "pages", "start", "memory", "depth"]


def main():
    known = [p for p in PARTS if (HERE / f"part_{p}.py").exists()]
    parser = argparse.ArgumentParser(description="Measures Sheaf beside its bounds and its peers.")
    parser.add_argument("--only", default=",".join(known), help="parts, separated by commas: " + " ".join(known))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    report = measure.Report(args.runs)
    print(measure.machine(), flush=True)
    for name in args.only.split(","):
        if name not in known:
            parser.error(f"there is no part {name}")
        report.part = name
        began = time.monotonic()
        print(f"{name}", flush=True)
        with measure.Foreign() as foreign:
            importlib.import_module("part_" + name).run(report)
        print(f"  ({time.monotonic() - began:.0f} s; others used {foreign.cores:.2f} cores)", flush=True)
    print("\n" + measure.machine() + "\n\n" + report.table())
    if args.json:
        args.json.write_text(json.dumps(report.json, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
