"""What all parts share: private stacks, CPU and memory of processes, medians, the table."""
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import typing

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "system"))
from stack import ADMIN, BUILD, Stack, http, wait_for  # noqa: E402,F401

PROGRAMS = BUILD / "tests" / "bench"
# Not in /tmp, where others create and delete: ext4 finds a new inode slowly where many were freed within the last minute.
VAR = BUILD / "bench-var"
if len(str(VAR)) < 70:  # a socket's path has 108 bytes
    VAR.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(VAR)
PERSISTENCE = {  # how a run's Redis keeps what it is told: everysec as most run theirs, always as `sheaf up` starts it
    "everysec": ("--appendonly", "yes", "--appendfsync", "everysec"),
    "always": ("--appendonly", "yes", "--appendfsync", "always"),
    "none": ("--appendonly", "no"),
}
WITHOUT_CACHE = dict(GLIBC_TUNABLES="glibc.malloc.tcache_count=0")  # as cli/stack.c starts these:
CACHELESS = ("dispatcher", "llm-svc", "persist-svc", "notify-svc")
REDIS = ("--auto-aof-rewrite-min-size", "1gb", "--loglevel", "warning")  # as `sheaf up` starts it, beside what Stack says
BEHIND_OCR = dict(SHEAF_LLM="null", SHEAF_RECORDS="null", SHEAF_OBJECTS="null", SHEAF_NOTIFY="null")  # what takes no time
REST_S = 12  # services give back what is free every 10 s (lib/svc.c): after so long what is in memory is what they keep
SETTLE_S = 24  # and, the first two times, what only their start read
TICK = os.sysconf("SC_CLK_TCK")


class AsUp(Stack):
    """Services with the environment that `sheaf up` gives them."""

    def start(self, name, label=None, **more):
        return super().start(name, label, **(WITHOUT_CACHE if name in CACHELESS else {}), **more)


def stack(*services, persistence="everysec", redis_options=(), **settings):
    """A private Redis and services as `sheaf up` starts them, but for the AOF's fsync."""
    return AsUp(*services, redis_options=PERSISTENCE[persistence] + REDIS + redis_options, **settings)


def tree(pid):
    """A process and all below it."""
    found = [pid]
    try:
        for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += tree(int(child))
    except OSError:
        pass
    return found


def cpu_s(pid):
    """CPU seconds of a process and its living children."""
    return sum(map(cpu_alone_s, tree(pid)))


def cpu_alone_s(pid):
    """… without them: of a Redis, whose child rewrites the AOF now and then and takes its seconds with it when it ends."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK
    except OSError:
        return 0


def pss_mib(pid):
    total = 0
    for p in tree(pid):
        for line in pathlib.Path(f"/proc/{p}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def rss_mib(pid, line="VmRSS"):
    """VmHWM: the most there ever was."""
    for text in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if text.startswith(line):
            return int(text.split()[1]) / 1024
    return 0.0


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


def run_json(*argv, timeout=300, **options):
    """Runs a program that prints one line of JSON."""
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, text=True, timeout=timeout, check=True, **options)
    return json.loads(done.stdout.strip().splitlines()[-1])


def load(s, mode, jobs, number, first="stepa"):
    """tests/bench/load.c against the stack's Redis."""
    return run_json(PROGRAMS / "load", s.redis_socket, mode, jobs, number, first, timeout=300 + jobs / 100)


def in_turn(one, other, at_least, seconds=0):
    """Pairs of figures, of slices that are neighbours: a disk, and who else uses the machine, changes from second to second.  Every second pair begins
    with the other, so that neither is always the one that comes after."""
    pairs, until = [], time.monotonic() + seconds
    while len(pairs) < at_least or time.monotonic() < until:
        if len(pairs) % 2:
            second, first = other(), one()
        else:
            first, second = one(), other()
        pairs.append((first, second))
    return pairs


def middle(ratios):
    """Geometric mean of the middle half: of a dozen pairs steadier than their median, and a stall of the disk in one slice does not move it."""
    logs = sorted(map(math.log, ratios))
    cut = len(logs) // 4
    return math.exp(statistics.mean(logs[cut:len(logs) - cut]))


class Foreign:
    """How much of the machine others used meanwhile, in cores: above 0.15 a figure is not to be trusted."""

    def __enter__(self):
        self.at, self.busy, self.mine = time.monotonic(), self.machine(), self.ours()
        return self

    def __exit__(self, *_):
        spent = time.monotonic() - self.at
        self.cores = max(0.0, (self.machine() - self.busy - (self.ours() - self.mine)) / spent)

    @staticmethod
    def machine():
        f = [int(n) for n in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        return (sum(f) - f[3] - f[4]) / TICK

    @staticmethod
    def ours():
        t = os.times()
        return t.user + t.system + t.children_user + t.children_system + sum(cpu_s(p) for p in tree(os.getpid())[1:])


class Row(typing.NamedTuple):
    part: str
    name: str
    unit: str
    median: float
    low: float
    high: float
    goal: tuple | None  # ("≥" or "≤", number)
    met: bool | None
    note: str


class Report:
    """Rows as they come; the table and the JSON at the end."""

    def __init__(self, runs):
        self.runs, self.rows, self.json = runs, [], {}
        self.part = ""

    def row(self, name, unit, values, goal=None, note="", figure=statistics.median):
        """values: one per run. goal: ("≥" or "≤", number), compared with the median, or what else `figure` makes of them."""
        values = list(values)
        median = figure(values)
        met = None if goal is None else (median >= goal[1] if goal[0] == "≥" else median <= goal[1])
        self.rows.append(Row(self.part, name, unit, median, min(values), max(values), goal, met, note))
        print(f"  {name}: {number(median)} {unit}"
              + ("" if len(values) < 2 else f"  ({number(min(values))}–{number(max(values))})")
              + ("" if goal is None else f"  goal {goal[0]} {number(goal[1])}: {'met' if met else 'MISSED'}")
              + (f"  {note}" if note else ""), flush=True)
        return median

    def table(self):
        lines = ["| what | median | range | goal | |", "|---|---:|---|---|---|"]
        part = None
        for r in self.rows:
            if r.part != part:
                lines.append(f"| **{r.part}** | | | | |")
                part = r.part
            goal = f"{r.goal[0]} {number(r.goal[1])} {'met' if r.met else 'missed'}" if r.goal else ""
            lines.append(f"| {r.name} | {number(r.median)} {r.unit} | {number(r.low)}–{number(r.high)} | {goal} | {r.note} |")
        return "\n".join(lines)


def number(n):
    return f"{n:,.0f}" if abs(n) >= 100 else f"{n:.2f}" if abs(n) < 10 else f"{n:.1f}"


def commit():
    """Of the tree that is measured; "+" when it has changes."""
    said = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty=+"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return said.stdout.strip() or "no commit"


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = int(next(line for line in open("/proc/meminfo") if line.startswith("MemTotal")).split()[1]) / 1048576
    redis = subprocess.run(["redis-server", "--version"], stdout=subprocess.PIPE, text=True).stdout.split("v=")[1].split()[0]
    return (f"{os.cpu_count()} cores, {model}, {memory:.0f} GiB, Linux {platform.release()}, Redis {redis}, "
            f"build {BUILD.name} of {commit()}")
