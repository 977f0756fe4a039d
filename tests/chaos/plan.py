"""What a run will do, all of it decided by the seed beforehand: the uploads, what people do to jobs, and the faults.

Pure: no clock, no process. `describe(plan)` is a text, the same for the same seed.

Faults come at their time. The uploads are dealt into bursts, one just before each fault, so that every fault strikes a
stack with work in its hands. A fault's victim is chosen so that at least one instance of each service stays up, as the
plan foresees it, except where the fault says otherwise (`all dispatchers`, `everything`, Redis, and services that there is one of).
"""
import bisect
import collections
import itertools
import random

LAYOUT = {"dispatcher": 3, "gateway": 2, "ocr-svc": 3, "llm-svc": 2, "persist-svc": 1, "notify-svc": 2}
STAGES_OF = {"ocr-svc": ("inspect", "page"), "llm-svc": ("split", "extract"), "persist-svc": ("store", "fetch", "save"),
             "notify-svc": ("notify",)}
WORKERS = tuple(STAGES_OF)
REAL = ("ocr-svc.0", "ocr-svc.1", "llm-svc.0")  # with their embedded providers; the others of these services are null
BOOT_S = 2.0  # from a start to a service that takes part
SIDES = ("client", "server")
SCRIPTS_OF = {"dispatcher": ("turn", "turn", "turn", "turn", "defer", "renew", "give_back", "reclaim"),
              "gateway": ("enqueue", "enqueue", "enqueue", "cancel", "rerun", "batch")}

Upload = collections.namedtuple("Upload", "ordinal kind of")     # of: ordinal whose bytes these are
Request = collections.namedtuple("Request", "number client uploads batch at_s")  # batch: number of an opened batch, or None
Action = collections.namedtuple("Action", "upload steps")        # steps: ((delay_s, "cancel" | "retry" | "rerun:<stage>"), …)
Fault = collections.namedtuple("Fault", "at_s kind victims seconds detail")
Plan = collections.namedtuple("Plan", "seed lease_s shards room clients requests expected actions faults span_s")

# kind, weight. What each does stands in faults.py.
MENU = (("kill", 30), ("kill decoders", 4), ("freeze", 12), ("pause", 8), ("terminate", 8),
        ("cut redis", 10), ("lost reply", 14), ("hang redis", 4), ("slow redis", 4), ("half-close redis", 4),
        ("cut wire", 8), ("hang wire", 5), ("half-close wire", 3), ("cut clients", 6), ("slow clients", 3), ("half-close clients", 3),
        ("kill redis", 3), ("stop redis", 2), ("pause redis", 2), ("fill redis", 4),
        ("batch end", 10), ("all dispatchers", 3), ("everything", 2))


def documents_of(rng, n):
    """Mostly forms of one student; some scans, one page or four, some of several students, some seen before, some broken."""
    uploads = []
    for ordinal in range(n):
        kind = rng.choices(("form", "scan", "long", "three", "again", "broken"), (928, 8, 4, 20, 26, 14))[0]
        of = ordinal
        if kind == "again":
            earlier = [u for u in uploads[-200:] if u.kind == "form"]
            of = rng.choice(earlier).of if earlier else ordinal
            kind = "again" if earlier else "form"
        uploads.append(Upload(ordinal, kind, of))
    return uploads


def requests_of(rng, uploads, clients, bursts):
    """One to four files each; some go into a batch that was opened before, over several requests. Bursts differ in size."""
    requests, expected, at, group = [], {}, 0, None
    ends = list(itertools.accumulate(rng.expovariate(1) + 0.2 for _ in bursts))
    ends = [end * len(uploads) / ends[-1] for end in ends]
    while at < len(uploads):
        if group is None and rng.random() < 0.06:
            group = len(expected)
            expected[group] = rng.randint(2, 5)
            left, owner = expected[group], rng.randrange(clients)
        size = min(rng.choices((1, 2, 3, 4), (70, 15, 10, 5))[0], len(uploads) - at)
        if group is not None:
            size = min(size, left)
        client = rng.randrange(clients) if group is None else owner
        burst = bursts[min(bisect.bisect(ends, at), len(bursts) - 1)]
        requests.append(Request(len(requests), client, tuple(uploads[at:at + size]), group, burst))
        at += size
        if group is not None:
            left -= size
            if left == 0:
                group = None
    if group is not None:
        expected[group] -= left  # the uploads ended before the batch was full
    return requests, expected


def actions_of(rng, uploads, span_s):
    """What people do to jobs meanwhile; not to those that share their bytes with others, whose record is common.

    Some run a job again when its document is no longer at hand and must be fetched (its blob goes a minute after the end).
    """
    shared = {u.of for u in uploads if u.kind == "again"}
    actions = []
    for u in uploads:
        if u.kind in ("again", "broken") or u.of in shared or rng.random() >= 0.03:
            continue
        soon, later = rng.uniform(0, 0.3), rng.uniform(0.2, 4)
        stage = rng.choice(("extract", "save", "store") if u.kind in ("three", "long") else ("inspect", "page", "split", "extract", "save", "store"))
        choices = [((soon, "cancel"),), ((soon, "cancel"), (later, "retry")), ((later, "rerun:" + stage),),
                   ((later, "rerun:" + stage), (soon, "cancel"), (later, "retry"))]
        if span_s > 150 and u.ordinal < len(uploads) / 3:
            choices += [((rng.uniform(75, 110), "rerun:" + stage),)] * 2
        steps = rng.choice(choices)
        actions.append(Action(u.ordinal, steps))
    return actions


class Calendar:
    """Which instance will be down when, as far as the plan knows."""

    def __init__(self):
        self.down = collections.defaultdict(list)

    def book(self, label, start, end):
        self.down[label].append((start, end))

    def free(self, label, start, end):
        return not any(a < end and start < b for a, b in self.down[label])

    def pick(self, rng, service, start, end):
        """An instance that is up all the while, and leaves another one up; None: there is none."""
        labels = [f"{service}.{n}" for n in range(LAYOUT[service])]
        up = [label for label in labels if self.free(label, start, end)]
        if len(up) < min(2, len(labels)):
            return None
        return rng.choice(up)


def one_fault(rng, kind, at, lease_s, calendar):
    """The fault, or None when it has no place at that time."""
    seconds, detail = 0.0, ""
    service = rng.choice(tuple(LAYOUT))
    if kind in ("kill", "terminate"):
        seconds = rng.uniform(0, 1.5) if LAYOUT[service] > 1 else rng.uniform(0, 0.5)
        end = at + seconds + BOOT_S
    elif kind == "kill decoders":
        service, end = "ocr-svc", at
    elif kind == "freeze":
        seconds = lease_s + rng.uniform(0.5, 2.5)
        end = at + seconds + 1
    elif kind == "pause":
        seconds = rng.uniform(0.3, min(4.5, lease_s))
        end = at + seconds
    elif kind == "lost reply":
        service = rng.choice(("dispatcher", "dispatcher", "gateway"))
        detail, end = rng.choice(SCRIPTS_OF[service]), at
    elif kind.endswith(" redis") and kind.split()[0] in ("cut", "hang", "slow", "half-close"):
        service = rng.choice(("dispatcher", "dispatcher", "gateway"))
        seconds = {"hang": rng.uniform(1, lease_s + 2), "slow": rng.uniform(1, 4)}.get(kind.split()[0], 0)
        detail, end = rng.choice(SIDES) if kind.startswith("half") else "", at + seconds
    elif kind.endswith(" wire"):
        service = rng.choice(WORKERS)
        seconds = rng.uniform(1, 7) if kind.startswith("hang") else 0
        detail, end = f"dispatcher.{rng.randrange(LAYOUT['dispatcher'])}", at + seconds
        if kind.startswith("half"):
            detail += " " + rng.choice(SIDES)
    elif kind.endswith(" clients"):
        service, seconds = "gateway", rng.uniform(0.5, 3) if kind.startswith("slow") else 0
        detail, end = rng.choice(SIDES) if kind.startswith("half") else "", at + seconds
    elif kind == "batch end":
        service = rng.choice(("dispatcher", "dispatcher", "notify-svc", "persist-svc"))
        detail, seconds = rng.choice(("before", "after")), rng.uniform(0, 1)
        end = at + seconds + BOOT_S + 2
    elif kind.endswith(" redis"):
        seconds = {"kill": rng.uniform(0, 1), "stop": rng.uniform(0, 1), "pause": rng.uniform(1, 4),
                   "fill": rng.uniform(1.5, 4)}[kind.split()[0]]
        end = at + seconds + 1
        if not calendar.free("redis", at, end):
            return None
        calendar.book("redis", at, end)
        return Fault(round(at, 3), kind, ("redis",), round(seconds, 3), "")
    else:
        labels = [f"{s}.{n}" for s in LAYOUT for n in range(LAYOUT[s]) if kind == "everything" or s == "dispatcher"]
        seconds = rng.uniform(0, 1)
        end = at + seconds + BOOT_S
        if not calendar.free("redis", at, end):
            return None
        for label in (*labels, "redis"):
            calendar.book(label, at, end)
        return Fault(round(at, 3), kind, tuple(labels), round(seconds, 3), "")
    label = calendar.pick(rng, service, at, end)
    if label is None:
        return None
    if kind in ("kill", "terminate", "freeze", "pause", "batch end", "hang redis"):
        calendar.book(label, at, end)
    return Fault(round(at, 3), kind, (label,), round(seconds, 3), detail)


def faults_of(rng, n, lease_s, gap_s):
    calendar, faults, at = Calendar(), [], 1.0
    while len(faults) < n:
        kinds, weights = zip(*MENU)
        fault = one_fault(rng, rng.choices(kinds, weights)[0], at, lease_s, calendar)
        if fault:
            faults.append(fault)
            at += rng.uniform(0.3, 1.7) * gap_s
        else:
            at += 0.05 * gap_s
    return faults


def make(seed, uploads, faults, lease_s=10.0, shards=1, clients=8, gap_s=1.5):
    rng = random.Random(seed)
    struck = faults_of(rng, faults, lease_s, gap_s)
    bursts = [max(0.0, f.at_s - rng.uniform(0.0, 0.4)) for f in struck] or [0.0]
    files = documents_of(rng, uploads)
    requests, expected = requests_of(rng, files, clients, bursts)
    span_s = max((f.at_s + f.seconds for f in struck), default=0.0)
    return Plan(seed, lease_s, shards, rng.choice((2, 8, 64)), clients, requests, expected, actions_of(rng, files, span_s), struck, span_s)


def describe(plan):
    lines = [f"seed {plan.seed}, room {plan.room}: {sum(len(r.uploads) for r in plan.requests)} files in {len(plan.requests)} requests of {plan.clients} "
             f"clients, {len(plan.actions)} jobs that people act on, {len(plan.faults)} faults in {plan.span_s:.0f} s"]
    lines += [f"{f.at_s:8.2f} s  {f.kind} {' '.join(f.victims) if len(f.victims) < 4 else ''} "
              f"{f'{f.seconds:.1f} s' if f.seconds else ''} {f.detail}".rstrip() for f in plan.faults]
    return "\n".join(lines)
