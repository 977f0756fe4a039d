#!/usr/bin/python3
"""accuracy.py FOLDER [--json FILE] [--quick CACHE] [--misses]: how well the forms in a folder are read.

The folder holds documents and truth.json (README.md).  Without --quick the whole stack is started, all documents are submitted,
and what it recorded is compared.  With --quick pages are read by `ocr-svc --read`, kept in CACHE, and turned into entries by
`llm-svc --read`: seconds instead of minutes when only the rules changed.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import score

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TESTS_BUILD", TOP / "build" / "release")).resolve()
sys.path.insert(0, str(TOP / "tests" / "system"))
NAMES = {"teacher_name": "teacher", "city_or_location": "city", "father_figure_name": "father_name"}
COLUMNS = ("cer", "core", "core exact", "all fields", "all fields exact", "abstained", "silent", "flagged though right", "blank left blank",
           "splitting exact", "essay words within 3 %")
START_S, WAIT_S = 60, 7200


def named(fields, what):
    return {NAMES.get(k, k): v[what] for k, v in fields.items()}


def read_quickly(folder, document, cache):
    """One document by the two programs alone; its pages come from the cache when they are there."""
    kept = cache / f"{document['id']}.json"
    if not kept.exists():
        done = subprocess.run([BUILD / "ocr-svc", "--read", folder / document["file"]], capture_output=True,
                              env={**os.environ, "OMP_THREAD_LIMIT": "1"})
        if done.returncode:
            return {"error": done.stderr.decode()}
        kept.write_bytes(done.stdout)
    done = subprocess.run([BUILD / "llm-svc", "--read", kept], capture_output=True)
    if done.returncode:
        return {"error": done.stderr.decode()}
    read = json.loads(done.stdout)
    texts = {p["page"]: p for e in read["entries"] for p in e["page_texts"]}
    return {"pages": [texts[n] for n in sorted(texts)],
            "entries": [{"pages": e["pages"], "fields": named(e["fields"], "value"), "confidences": named(e["fields"], "confidence"),
                         "signs": named(e["fields"], "signs"), "sources": named(e["fields"], "source"), "evidence": named(e["fields"], "page"),
                         "essay": e["essay"]["text"], "needs_review": e["needs_review"], "codes": e["review_reason_codes"]}
                        for e in read["entries"]]}


def quick(folder, truth, cache):
    cache.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        read = pool.map(lambda d: (d["id"], read_quickly(folder, d, cache)), truth["documents"])
        documents = dict(read)
    for name, document in documents.items():
        if "error" in document:
            print(f"{name}: {document['error'].strip()}", file=sys.stderr)
    return {"documents": documents}


def whole_stack(folder, truth):
    """Everything as in production: `sheaf up`, submit, export; then stopped by its process id."""
    from stack import free_base
    var = pathlib.Path(tempfile.mkdtemp(prefix="sheaf-accuracy-"))
    env = {**os.environ, "SHEAF_VAR": str(var), "SHEAF_PORT": str(free_base())}
    sheaf, ready = BUILD / "sheaf", var / "ready"
    with open(var / "up.log", "wb") as log:
        up = subprocess.Popen([sheaf, "up", "--quiet", "--ready-file", ready], env=env, stdout=log, stderr=log, cwd=TOP)
    try:
        until = time.monotonic() + START_S
        while not ready.exists():
            if up.poll() is not None or time.monotonic() > until:
                sys.exit("the stack did not start: " + (var / "up.log").read_text()[-2000:])
            time.sleep(0.1)
        files = [folder / d["file"] for d in truth["documents"]]
        for at in range(0, len(files), 40):  # below the limit of files a request
            done = subprocess.run([sheaf, "submit", "--wait", "--json", *files[at:at + 40]], env=env, capture_output=True, timeout=WAIT_S)
            if done.returncode not in (0, 1):  # 1: a document failed, which the figures will show
                sys.exit("submit: " + done.stderr.decode()[-2000:])
        return json.loads(subprocess.run([sheaf, "export", "--predictions"], env=env, capture_output=True, check=True).stdout)
    finally:
        up.terminate()
        up.wait(60)
        shutil.rmtree(var, ignore_errors=True)


def by_kind(item):
    order = {"typed": 0, "handwritten": 1, "all": 2}
    return order.get(item[0], 3), item[0]


def show(result, cost, pages):
    print(f"{'':18}" + "".join(f"{c[:12]:>13}" for c in COLUMNS))
    for name, group in sorted(result.items(), key=by_kind):
        cells = [group["rates"].get(c, {}).get("rate") for c in COLUMNS]
        print(f"{name:18}" + "".join(f"{'-' if v is None else format(v, '.3f'):>13}" for v in cells))
    print("\n95 % intervals")
    for name in ("typed", "handwritten"):
        for c in COLUMNS[1:]:
            r = result.get(name, {}).get("rates", {}).get(c)
            if r:
                print(f"  {name:12} {c:24} {r['rate']:.3f}  [{r['low']:.3f}, {r['high']:.3f}]  of {r['n']}")
    print("\nfields")
    for c in sorted(c for c in result["all"]["rates"] if c.startswith("field ")):
        print(f"  {c[6:]:14}" + "".join(f"  {n} {result[n]['rates'][c]['rate']:.3f}" for n in ("typed", "handwritten") if c in result.get(n, {}).get("rates", {})))
    for name in ("typed", "handwritten"):
        if name in result:
            print(f"\nconfidence of name, school and grade: {name}\n  from    values   said  right")
            for b in result[name]["calibration"]:
                print(f"  {b['from']:.2f} {b['n']:9}  {b['said']:.3f}  {b['right']:.3f}")
    print(f"\n{cost['cpu_s'] / pages:.2f} s of CPU a page, {cost['wall_s'] / pages:.2f} s on the clock, {pages} pages")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--quick", type=pathlib.Path, metavar="CACHE")
    parser.add_argument("--misses", action="store_true", help="print each value that is not right")
    given = parser.parse_args()
    truth = json.loads((given.folder / "truth.json").read_text())
    started = time.monotonic()
    predictions = quick(given.folder, truth, given.quick) if given.quick else whole_stack(given.folder, truth)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {"cpu_s": used.ru_utime + used.ru_stime, "wall_s": time.monotonic() - started}
    misses = []
    result = score.score(truth, predictions, misses)
    if given.misses:
        for document, entry, field, want, got, confidence, flagged in misses:
            print(f"{document} {entry} {field}: {want!r} read as {got!r} ({confidence if confidence is None else round(confidence, 2)})"
                  + ("" if flagged or field not in score.CORE else "  SILENT"))
    pages = sum(d["page_count"] for d in truth["documents"])
    show(result, cost, pages)
    if given.json:
        given.json.write_text(json.dumps({"groups": result, "pages": pages, "set": truth.get("set"), "seed": truth.get("seed"),
                                          **{k: round(v, 2) for k, v in cost.items()}}, indent=1))


if __name__ == "__main__":
    main()
