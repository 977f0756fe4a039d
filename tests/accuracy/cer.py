#!/usr/bin/env python3
"""cer.py DIR [--worst N] [--only TEXT] [--json FILE]: how well pages are read, without the rest of the stack.

Reads every document of DIR/truth.json (format: README.md there) with `ocr-svc --read`, two at a time, and prints by group
and kind: CER (edit distance / length of the page's true text, capped at 1 a page), words found, and seconds of CPU a page,
decoding and start-up included. `--worst N` shows the N lines that cost most. For experiments; `make accuracy` is the judge.
The program comes from build/release or TESTS_BUILD. A document that cannot be read counts as read empty.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def squash(text):
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def distance(a, b):
    """Edit distance by diagonals of a bit vector (Hyyrö 2003), one column a character of b."""
    if not a or not b:
        return len(a) + len(b)
    at = defaultdict(int)
    for i, c in enumerate(a):
        at[c] |= 1 << i
    mask, last = (1 << len(a)) - 1, 1 << (len(a) - 1)
    up, down, score = mask, 0, len(a)
    for c in b:
        here = at[c]
        zero = (((here & up) + up) ^ up) | here | down
        right, left = down | ~(zero | up) & mask, up & zero
        score += (right & last != 0) - (left & last != 0)
        right = right << 1 | 1
        up, down = (left << 1 | ~(zero | right)) & mask, right & zero & mask
    return score


def words(text):
    plain = unicodedata.normalize("NFD", squash(text).casefold())
    return Counter("".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c)).split())


def read(program, path):
    """The pages of a document by number, and the CPU seconds that they took."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([program, "--read", path], stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        pages = [json.loads(line) for line in out.read().decode().splitlines() if line.startswith("{")]
    return {p["page"]: p for p in pages}, usage.ru_utime + usage.ru_stime


def nearest_lines(true, got):
    """Each true line with the part of the page that reads most like it, by what it cost."""
    have = got.splitlines() or [""]
    for line in true.splitlines():
        best = min(have, key=lambda h: distance(line, squash(h)))
        yield distance(line, squash(best)), line, squash(best)


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("dir", type=Path)
    ask.add_argument("--worst", type=int, default=0)
    ask.add_argument("--only", default="", help="documents whose id, kind, profile or font holds this")
    ask.add_argument("--json", type=Path, help="what was read and counted, by document")
    args = ask.parse_args()
    program = str((ROOT / os.environ.get("TESTS_BUILD", "build/release")).resolve() / "ocr-svc")
    truth = json.loads((args.dir / "truth.json").read_text())
    documents = [d for d in truth["documents"] if args.only in " ".join(
        [d["id"], d["kind"], str(d.get("profile")), str(d["entries"][0].get("hand_font") if d["entries"] else "")])]

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda d: read(program, args.dir / d["file"]), documents))

    groups, worst, record = defaultdict(Counter), [], {}
    for doc, (pages, cpu) in zip(documents, results):
        hand = bool(doc["entries"]) and doc["entries"][0]["handwritten"]
        names = ["handwritten" if hand else "typed", "kind " + doc["kind"], "profile " + str(doc.get("profile")), "all"]
        if hand and args.only:
            names.append("font " + str(doc["entries"][0].get("hand_font")))
        own = Counter(pages=len(doc["pages"]), cpu=cpu)
        for page in doc["pages"]:
            got = pages.get(page["page"], {}).get("text", "")
            if page["kind"] == "blank":
                own["dirt"] += sum(words(got).values()) > 1
                continue
            a, b = squash(page["text"]), squash(got)
            wa, wb = words(a), words(b)
            own.update(chars=len(a), errors=min(distance(a, b), len(a)), words=sum(wa.values()),
                       found=sum((wa & wb).values()))
            worst += [(cost, doc["id"], page["page"], t, g) for cost, t, g in nearest_lines(page["text"], got)]
        for name in names:
            groups[name].update(own)
        record[doc["id"]] = dict(own, pages_read=list(pages.values()))

    print(f"{'group':24}{'pages':>6}{'cer':>9}{'words':>8}{'cpu/page':>10}")
    for name, c in sorted(groups.items(), key=lambda x: (" " in x[0], x[0])):
        print(f"{name:24}{c['pages']:6}{c['errors'] / max(1, c['chars']):9.4f}{c['found'] / max(1, c['words']):8.3f}"
              f"{c['cpu'] / max(1, c['pages']):10.2f}" + (f"   text on {c['dirt']} blank pages" if c["dirt"] else ""))
    for cost, doc, number, true, got in sorted(worst, reverse=True)[:args.worst]:
        print(f"{cost:4} {doc} p{number}\n     {true}\n     {got}")
    if args.json:
        args.json.write_text(json.dumps(record, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
