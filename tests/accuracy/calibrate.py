#!/usr/bin/python3
"""calibrate.py FOLDER CACHE [FOLDER CACHE …] [--check FOLDER CACHE]: fits the confidence of recognised values.

Reads each folder as `accuracy.py --quick` does, takes every recognised value with its signs (llm-svc/trust.h) and whether it
is right, fits a logistic model and writes its numbers to llm-svc/trust.def.  --check shows how well they hold on another set.
"""
import datetime
import json
import math
import pathlib
import sys

import accuracy
import score
from wear import solve

OUT = accuracy.TOP / "llm-svc" / "trust.def"
RIDGE = 0.3  # keeps weights of rare signs small
STEPS = 25
# Where the ridge pulls to instead of 0: signs too rare in a set to be fitted, which are a reason to look all the same.
BEFOREHAND = {"lone": -3.0, "repaired": -0.5, "odd": -1.5}
# Reasons to doubt never make a value surer, nor reasons to believe less sure, whatever a set of a few hundred says by chance.
DOUBTS = {"shaky", "refused", "unknown", "near", "corrected", "strange", "odd", "lone", "repaired", "mended", "twin", "nameless", "differs"}
BELIEFS = {"mean", "least", "sure", "page", "agrees", "heard"}


def samples(folder, cache):
    """[(signs, right?, is a required field?)] of a folder."""
    truth = json.loads((folder / "truth.json").read_text())
    made = accuracy.quick(folder, truth, cache)["documents"]
    out = []
    for document in truth["documents"]:
        entries = made[document["id"]].get("entries", [])
        nobody = {p["page"] for p in document["pages"] if p["entry"] is None}
        pairs = score.pair([score.pages_of(e, nobody) for e in document["entries"]], [score.pages_of(e, nobody) for e in entries])
        for i, j in pairs.items():
            want, read = document["entries"][i]["fields"], entries[j]
            for field, signs in read["signs"].items():
                if read["sources"][field] == "ocr":
                    right = bool(want.get(field)) and score.same(field, want[field]) == score.same(field, read["fields"][field])
                    out.append((signs, right, field in score.CORE))
    return out


def chance(weights, signs):
    z = sum(w * signs[k] for k, w in weights.items())
    return 1 / (1 + math.exp(-max(-30, min(30, z))))


def is_against(name, weight):
    return (name in DOUBTS and weight > 0) or (name in BELIEFS and weight < 0)


def fit(rows, names):
    """The weights of all signs; what comes out against its meaning is held at what is known beforehand."""
    free = list(names)
    while True:
        weights = newton(rows, names, free)
        against = [k for k in free if is_against(k, weights[k])]
        if not against:
            return weights
        free = [k for k in free if k not in against]


def newton(rows, names, free):
    """Newton's method on the ridge-penalised likelihood, over the signs that are free."""
    weights = {k: BEFOREHAND.get(k, 0.0) for k in names}
    for _ in range(STEPS):
        gradient = {k: -RIDGE * (weights[k] - BEFOREHAND.get(k, 0.0)) for k in free}
        second = {k: {m: RIDGE if k == m else 0.0 for m in free} for k in free}
        for signs, right, _ in rows:
            p = chance(weights, signs)
            active = [(k, v) for k, v in signs.items() if v and k in gradient]
            for k, v in active:
                gradient[k] += (right - p) * v
                for m, u in active:
                    second[k][m] += p * (1 - p) * v * u
        step = solve([[second[k][m] for m in free] + [gradient[k]] for k in free])
        weights.update({k: weights[k] + d for k, d in zip(free, step)})
        if max(abs(d) for d in step) < 1e-4:
            break
    return weights


def table(rows, weights, title):
    print(f"{title}: {len(rows)} values, {sum(r for _, r, _ in rows) / max(1, len(rows)):.3f} right\n  said   values  right   of them name, school, grade")
    told = sorted((chance(weights, s), r, core) for s, r, core in rows)
    for low, high in zip(score.BINS, score.BINS[1:]):
        some = [t for t in told if low <= t[0] < high]
        core = [t for t in some if t[2]]
        if some:
            print(f"  {sum(t[0] for t in some) / len(some):.3f} {len(some):7} {sum(t[1] for t in some) / len(some):7.3f}"
                  + (f"   {len(core):5} {sum(t[1] for t in core) / len(core):.3f}" if core else ""))


def main():
    arguments, check = sys.argv[1:], []
    if "--check" in arguments:
        at = arguments.index("--check")
        arguments, check = arguments[:at], arguments[at + 1:]
    if not arguments or len(arguments) % 2:
        sys.exit(__doc__)
    sets = [(pathlib.Path(a), pathlib.Path(b)) for a, b in zip(arguments[::2], arguments[1::2])]
    rows = [row for folder, cache in sets for row in samples(folder, cache)]
    weights = fit(rows, list(rows[0][0]))
    seeds = ", ".join(f"{t.get('set')} seed {t.get('seed')}" for t in (json.loads((f / "truth.json").read_text()) for f, _ in sets))
    lines = [f"/* trust.def: the numbers of trust.h.  Fitted by tests/accuracy/calibrate.py on {datetime.date.today()}: {len(rows)} recognised",
             f" * values of {seeds}. */"]
    lines += [f"TRUST({name}, {weight:.3f})" for name, weight in weights.items()]
    OUT.write_text("\n".join(lines) + "\n")
    table(rows, weights, "fitted on")
    if check:
        table(samples(pathlib.Path(check[0]), pathlib.Path(check[1])), weights, "checked on")


if __name__ == "__main__":
    main()
