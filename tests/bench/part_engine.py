"""The engine: jobs per second through stages that do nothing, beside the honest bare loop."""
import subprocess
import statistics

from measure import PROGRAMS, WITHOUT_CACHE, cpu_alone_s, cpu_s, in_turn, load, middle, stack

KEYS = ("engine_4stage_per_s", "bound_4stage_per_s")
JOBS, ROOM, UNANSWERED = 10000, 64, 100  # room: what a service with a null provider states by itself
SLICE, PAIRS = 2500, 5  # jobs of what is measured in turn, half a second's; pairs for each run


class Engine:
    """A stack with dispatchers and step services (or the bare loop in their place), warm."""

    def __init__(self, persistence="everysec", dispatchers=1, services=1, room=ROOM, bare=False, fan=40, **settings):
        self.stack = stack(persistence=persistence, SHEAF_NOTIFY_WHEN="never", **settings)
        self.dispatchers, self.services, self.room, self.bare, self.fan = dispatchers, services, room, bare, fan
        self.extra = []

    def __enter__(self):
        s = self.stack.__enter__()
        try:
            if self.bare:
                self.start(PROGRAMS / "bare", s.redis_socket, str(self.room), str(self.services))
                self.extra[0].stdout.readline()
            else:
                self.start_services(s)
            load(s, "window", 300, UNANSWERED)
            load(s, "window", 20, UNANSWERED, "stepd")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def start_services(self, s):
        endpoints = [f"tcp://127.0.0.1:{s.base + 20 + n}" for n in range(self.dispatchers)]
        for n, endpoint in enumerate(endpoints):
            s.start("dispatcher", f"dispatcher{n}", SHEAF_DISPATCHER_BIND=endpoint, SHEAF_ADMIN_PORT=0)
        steps = ["stepa", "stepb", "stepc", "stepd"]
        for n in range(self.services):
            mine = ",".join(steps[n::self.services]) + (",stepfan" if n == 0 else "")
            self.start(PROGRAMS / "step-svc", env=s.env(SHEAF_DISPATCHERS=",".join(endpoints), SHEAF_ROOM=self.room,
                                                       SHEAF_ADMIN_PORT=0, SHEAF_LOG="error", BENCH_STEPS=mine, BENCH_FAN=self.fan, **WITHOUT_CACHE))

    def start(self, *argv, **options):
        self.extra.append(subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, **options))

    def __exit__(self, *why):
        for p in self.extra:
            p.kill()
            p.wait(10)
        self.stack.__exit__(*why)

    def cpu(self):
        """CPU seconds so far: of Redis, and of dispatchers with services."""
        ours = [p.pid for p in self.stack.processes] + [p.pid for p in self.extra]
        return cpu_alone_s(self.stack.redis_process.pid), sum(cpu_s(p) for p in ours)

    def run(self, jobs=JOBS, first="stepa", unanswered=UNANSWERED):
        redis, ours = self.cpu()
        got = load(self.stack, "window", jobs, unanswered, first)
        redis_now, ours_now = self.cpu()
        got["redis_us"], got["ours_us"] = (redis_now - redis) / jobs * 1e6, (ours_now - ours) / jobs * 1e6
        return got


def tell(report, name, got, goal=None, per=1):
    note = f"CPU µs a job: Redis {statistics.median(g['redis_us'] for g in got):.0f}, " \
           f"the rest {statistics.median(g['ours_us'] for g in got):.0f}, producer {got[0]['load_cpu_us']:.0f}"
    return report.row(name, "jobs/s", [g["per_s"] * per for g in got], goal, note)


def beside_bare(report, name, jobs=SLICE, first="stepa", dispatchers=1, **how):
    """Ours and the bare loop in turn, in slices short enough that the machine is the same for both; what is not measured rests.  Answers the
    medians of both."""
    with Engine(dispatchers=dispatchers, **how) as ours, Engine(bare=True, **how) as bare:
        pairs = in_turn(lambda: ours.run(jobs, first), lambda: bare.run(jobs, first), PAIRS * report.runs)
    bound = tell(report, name + ", bare loop", [b for _, b in pairs])
    got = tell(report, name, [o for o, _ in pairs])
    report.row(name + ", of the bare loop", "×", [o["per_s"] / b["per_s"] for o, b in pairs], ("≥", 0.7), figure=middle)
    return got, bound


def fan_out(report):
    """Tasks, beside those of a job with one: a document of forty pages costs a page what its tasks cost."""
    with Engine() as e:
        pairs = in_turn(lambda: e.run(SLICE // 40, "stepfan"), lambda: e.run(SLICE, "stepd"), PAIRS * report.runs)
    tell(report, "fan-out of 40, tasks", [fan for fan, _ in pairs], per=41)
    report.row("  of jobs of one task", "×", [fan["per_s"] * 41 / one["per_s"] for fan, one in pairs], figure=middle)


def run(report):
    for persistence in ("everysec", "none", "always"):
        ours, bound = beside_bare(report, f"4 stages, AOF {persistence}", persistence=persistence)
        if persistence == "everysec":
            report.json.update(engine_4stage_per_s=ours, bound_4stage_per_s=bound)
    beside_bare(report, "4 stages, 4 services", services=4)
    beside_bare(report, "4 stages, 2 dispatchers", dispatchers=2)
    beside_bare(report, "1 stage", first="stepd")
    for room in (1, 8, 256, 512):  # 64 above
        beside_bare(report, f"4 stages, room {room}", room=room, jobs=SLICE if room > 1 else SLICE // 10)
    fan_out(report)
