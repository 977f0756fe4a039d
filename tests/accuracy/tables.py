#!/usr/bin/python3
"""tables.py JSON: what `accuracy.py --json` wrote, as the tables of RESULTS.md."""
import json
import pathlib
import sys

COLUMNS = ("typed", "handwritten")
ROWS = {"core": "name, school, grade right", "all fields": "all fields right", "abstained": "filled in, nothing read",
        "silent": "silent among required fields", "flagged though right": "flagged though right", "blank left blank": "blank left blank",
        "splitting exact": "splitting exact", "essay words within 3 %": "essay's words within 3 %"}


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def with_interval(rate):
    return f"{rate['rate']:.3f} [{rate['low']:.3f}, {rate['high']:.3f}] of {rate['n']}"


def of_bin(b):
    return f"{b['n']}, {b['said']:.3f}, {b['right']:.3f}" if b else "–"


def main():
    groups = json.loads(pathlib.Path(sys.argv[1]).read_text())["groups"]
    row("", *COLUMNS)
    print("|---|---|---|")
    row("CER of pages", *(f"{groups[c]['rates']['cer']['rate']:.3f}" for c in COLUMNS))
    for name, text in ROWS.items():
        row(text, *(with_interval(groups[c]["rates"][name]) for c in COLUMNS))
    print()
    row("confidence", *(f"{c}: values, said, right" for c in COLUMNS))
    print("|---|---|---|")
    bins = [{b["from"]: b for b in groups[c]["calibration"]} for c in COLUMNS]
    for start in sorted({b for of in bins for b in of}):
        row(f"from {start:.2f}", *(of_bin(of.get(start)) for of in bins))


if __name__ == "__main__":
    main()
