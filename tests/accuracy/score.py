"""Measures of what was read against the truth, by group (typed, handwritten, and each kind of document).

A rate is counted as hits of n and told with its 95 % interval (Wilson).  Fields count as right when they say the same: case,
accents and punctuation apart; a grade by its number, however it is written; a telephone number by its last ten digits.
"""
import math
import re
import unicodedata
from collections import Counter, defaultdict

CORE = ("student_name", "school_name", "grade")
BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.01)
GRADES = {w: str(n) for n, names in enumerate(
    ("k kinder kindergarten prek", "first primero primer 1ro 1er", "second segundo", "third tercero tercer", "fourth cuarto", "fifth quinto", "sixth sexto",
     "seventh septimo", "eighth octavo", "ninth noveno", "tenth decimo", "eleventh", "twelfth")) for w in names.split()}


def squash(text):
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def fold(text):
    letters = unicodedata.normalize("NFD", squash(text).casefold())
    return " ".join("".join(c if c.isalnum() else " " for c in letters if not unicodedata.combining(c)).split())


def same(field, text):
    """What two spellings of one value have in common."""
    if field == "phone":
        return re.sub(r"\D", "", text or "")[-10:]
    if field == "email":
        return "".join((text or "").casefold().split())
    if field == "grade":
        digits = re.search(r"\d+", text or "")
        words = [GRADES[w] for w in fold(text).split() if w in GRADES]
        return digits.group().lstrip("0") if digits else words[0] if words else fold(text)
    return fold(text)


def distance(a, b):
    """Edits between two texts, by Hyyrö's bit vectors: one Python integer is a column."""
    if not a or not b:
        return len(a) + len(b)
    where = defaultdict(int)
    for i, c in enumerate(a):
        where[c] |= 1 << i
    ones, last = (1 << len(a)) - 1, 1 << len(a) - 1
    up, down, edits = ones, 0, len(a)
    for c in b:
        hit = where.get(c, 0)
        diagonal = ((((hit & up) + up) ^ up) | hit | down) & ones
        right, left = down | (ones & ~(diagonal | up)), diagonal & up
        edits += bool(right & last) - bool(left & last)
        right, left = (right << 1 | 1) & ones, left << 1 & ones
        up, down = left | (ones & ~(diagonal | right)), right & diagonal
    return edits


def interval(hits, n, z=1.96):
    """Wilson's 95 % interval of a share."""
    if not n:
        return 0.0, 1.0
    p, q = hits / n, z * z / n
    middle, reach = p + q / 2, z * math.sqrt(p * (1 - p) / n + q / (4 * n))
    return max(0.0, (middle - reach) / (1 + q)), min(1.0, (middle + reach) / (1 + q))


def pages_of(entry, without):
    return tuple(p for p in range(entry["pages"][0], entry["pages"][1] + 1) if p not in without)


def pair(truth, read):
    """true entry -> read entry: those that share most pages first, each used once."""
    shared = sorted(((len(set(t) & set(r)) / len(set(t) | set(r)), -i, -j) for i, t in enumerate(truth) for j, r in enumerate(read)
                     if set(t) & set(r)), reverse=True)
    pairs, used = {}, set()
    for _, i, j in shared:
        if -i not in pairs and -j not in used:
            pairs[-i] = -j
            used.add(-j)
    return pairs


class Group:
    def __init__(self):
        self.hits, self.of = Counter(), Counter()
        self.bins = defaultdict(lambda: [0, 0, 0.0])  # bin of confidence -> values, right ones, sum of confidences

    def add(self, name, hit, of=1):
        self.hits[name] += hit
        self.of[name] += of

    def trust(self, confidence, right):
        b = self.bins[max(i for i, low in enumerate(BINS) if confidence >= low)]
        b[0], b[1], b[2] = b[0] + 1, b[1] + right, b[2] + confidence

    def rates(self):
        out = {}
        for name in self.of:
            hits, n = self.hits[name], self.of[name]
            low, high = interval(hits, n)
            out[name] = {"rate": round(hits / n, 4) if n else None, "n": n, "low": round(low, 4), "high": round(high, 4)}
        bins = [{"from": BINS[i], "n": n, "right": round(right / n, 3), "said": round(total / n, 3)}
                for i, (n, right, total) in sorted(self.bins.items())]
        return {"rates": out, "calibration": bins}


def score_entry(groups, truth, read, misses):
    have = read.get("fields") or {}
    flagged = bool(read.get("needs_review"))
    wrong = []
    for field, want in truth["fields"].items():
        got = squash(have.get(field))
        right = same(field, want) == same(field, got)
        if field in CORE and not right:
            wrong.append(field)
        confidence = (read.get("confidences") or {}).get(field)
        for g in groups:
            if not want:
                g.add("blank left blank", not got)
                continue
            g.add("all fields exact", squash(want) == got)
            g.add("all fields", right)
            g.add("abstained", not got)
            g.add(f"field {field}", right)
            if field in CORE:
                g.add("core exact", squash(want) == got)
                g.add("core", right)
                if got and confidence is not None:
                    g.trust(confidence, right)
        if not right:
            misses.append((field, want, got, confidence, flagged))
    for g in groups:
        g.add("silent", 0 if flagged else len(wrong), len(CORE))
        if not wrong:
            g.add("flagged though right", flagged)
        g.add("entries flagged", flagged)
        words = len(fold(truth["essay"]).split())
        if words:
            g.add("essay words within 3 %", abs(len(fold(read.get("essay")).split()) - words) <= 0.03 * words)


def score_pages(groups, document, read):
    texts = {p["page"]: squash(p.get("text")) for p in read.get("pages", [])}
    one_case = {e["entry"] for e in document["entries"] if e.get("one_case")}
    for page in document["pages"]:
        want, got = squash(page["text"]), texts.get(page["page"], "")
        if page["entry"] in one_case:  # nobody can tell
            want, got = want.lower(), got.lower()
        for g in groups:
            if page["kind"] == "blank":
                g.add("blank pages clean", len(fold(got)) <= 3)
            else:
                g.add("cer", min(distance(want, got), len(want)), len(want))


def score(truth, predictions, misses=None):
    """{group: rates}; `misses` collects (document, entry, field, want, got, confidence, flagged)."""
    made = defaultdict(Group)
    for document in truth["documents"]:
        read = predictions["documents"].get(document["id"]) or {}
        entries = read.get("entries", [])
        names = ("all", "handwritten" if document["entries"][0]["handwritten"] else "typed", "kind " + document["kind"])
        groups = [made[n] for n in names]
        score_pages(groups, document, read)
        nobody = {p["page"] for p in document["pages"] if p["entry"] is None}
        want = [pages_of(e, nobody) for e in document["entries"]]
        got = [pages_of(e, nobody) for e in entries]
        for g in groups:
            g.add("splitting exact", want == got)
        pairs = pair(want, got)
        for i, entry in enumerate(document["entries"]):
            found = []
            score_entry(groups, entry, entries[pairs[i]] if i in pairs else {}, found)
            if misses is not None:
                misses += [(document["id"], i + 1, *m) for m in found]
    return {name: group.rates() for name, group in made.items()}
