#!/usr/bin/python3
"""calibrate.py FOLDER CACHE FOLDER CACHE [FOLDER CACHE …] [--check FOLDER CACHE]: fits the confidence of recognised values.

Reads each folder as `accuracy.py --quick` does, takes every recognised value with its signs (llm-svc/trust.h) and whether it
is right, fits a logistic model and writes its numbers to llm-svc/trust.def.  Each folder's values are also judged by a fit on the others: how often
those of about the same sum are right, at the low end of its interval, is what will be told (CAUTION).  --check shows how well it holds on another set.
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
BEFOREHAND = {"lone": -3.0, "repaired": -0.5, "odd": -1.5, "beside": -2.0}
# Reasons to doubt never make a value surer, nor reasons to believe less sure, whatever a set of a few hundred says by chance.
DOUBTS = {"shaky", "refused", "unknown", "near", "corrected", "strange", "odd", "lone", "repaired", "mended", "twin", "nameless", "differs", "again",
          "rest", "beside"}
BELIEFS = {"mean", "least", "sure", "page", "agrees", "heard", "clear"}
# A place of CAUTION is made of so many required values at least, so many of them wrong: an interval of fewer says nothing.
PLACE, PLACE_WRONG = 60, 6


def samples(folder, cache):
    """[(signs, right?, is a required field?, by hand?)] of a folder."""
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
                    out.append((signs, right, field in score.CORE, document["entries"][i]["handwritten"]))
    return out


def total(weights, signs):
    return sum(w * signs[k] for k, w in weights.items())


def share(z):
    return 1 / (1 + math.exp(-max(-30, min(30, z))))


def chance(weights, signs):
    return share(total(weights, signs))


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
        for signs, right, *_ in rows:
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


def unseen(sets, names):
    """[(sum, right?)] of the required values by hand of each set, by a fit on the other sets, in order.  Print is read better than its sums say."""
    out = []
    for i, rows in enumerate(sets):
        weights = fit([row for k, other in enumerate(sets) if k != i for row in other], names)
        out += [(total(weights, signs), right) for signs, right, required, by_hand in rows if required and by_hand]
    return sorted(out)


def caution(told):
    """[(mean sum, low end of the share that is right)]: places from the surest down, none surer than one above it."""
    places, some = [], []
    for z, right in reversed(told):
        some.append((z, right))
        if len(some) >= PLACE and sum(not r for _, r in some) >= PLACE_WRONG:
            places.append(some)
            some = []
    places[-1] += some
    out = []
    for place in places:
        low = score.interval(sum(r for _, r in place), len(place))[0]
        out.insert(0, (sum(z for z, _ in place) / len(place), min([low] + [p for _, p in out])))
    return out


def tell(places, z):
    """As trust.c tells it."""
    odds = [(at, math.log(p / (1 - p))) for at, p in places]
    if z <= odds[0][0]:
        return share(z - odds[0][0] + odds[0][1])
    for (a, low), (b, high) in zip(odds, odds[1:]):
        if z <= b:
            return share(low + (high - low) * (z - a) / (b - a))
    return share(z - odds[-1][0] + odds[-1][1])


def table(rows, weights, places, title):
    print(f"{title}: {len(rows)} values, {sum(row[1] for row in rows) / max(1, len(rows)):.3f} right\n  said   values  right   of them name, school, grade")
    told = sorted((tell(places, total(weights, s)), r, required) for s, r, required, _ in rows)
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
    if len(arguments) < 4 or len(arguments) % 2:
        sys.exit(__doc__)
    folders = [(pathlib.Path(a), pathlib.Path(b)) for a, b in zip(arguments[::2], arguments[1::2])]
    sets = [samples(folder, cache) for folder, cache in folders]
    rows = [row for one in sets for row in one]
    names = list(rows[0][0])
    weights, places = fit(rows, names), caution(unseen(sets, names))
    seeds = ", ".join(f"{t.get('set')} seed {t.get('seed')}" for t in (json.loads((f / "truth.json").read_text()) for f, _ in folders))
    lines = [f"/* trust.def: the numbers of trust.h.  Fitted by tests/accuracy/calibrate.py on {datetime.date.today()}: {len(rows)} recognised",
             f" * values of {seeds}. */"]
    lines += [f"TRUST({name}, {weight:.3f})" for name, weight in weights.items()]
    lines += [f"CAUTION({z:.3f}, {p:.4f})" for z, p in places]
    OUT.write_text("\n".join(lines) + "\n")
    table(rows, weights, places, "fitted on")
    if check:
        table(samples(pathlib.Path(check[0]), pathlib.Path(check[1])), weights, places, "checked on")


if __name__ == "__main__":
    main()
