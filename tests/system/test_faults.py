"""kill -9 at every named point of lib/fault.def: after a restart every job is finished once, with its rows, originals, mails.

Each point is passed in a situation that leads there (SITUATIONS; a plain upload where none is named). Services that die are
test builds (make MODE=faults), the others what TESTS_BUILD says.
"""
import concurrent.futures
import contextlib
import hashlib
import pathlib
import queue
import re
import signal
import subprocess
import threading
import time
import traceback

import pytest

import documents
from engine import SHARD, Engine, batch_of, job_of
from stack import SLOW, TOP, Stack, wait_for

FAULTS = TOP / "build" / "faults"
SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
PROGRAM = {"gateway": "gateway", "dispatcher": "dispatcher", "stage": "persist-svc", "persist": "persist-svc", "notify": "notify-svc"}
POINTS = re.findall(r'^P\((\w+),\s+(\w+),', (TOP / "lib" / "fault.def").read_text(), re.M)
FILES = 3
STACKS = 4


# ---- an upload, and what must have become of it --------------------------------------------------------------------

class Upload(threading.Thread):
    """A client that repeats what has no answer, with its key, for as long as there is a stack."""

    def __init__(self, stack, name):
        super().__init__(daemon=True)
        self.stack, self.key, self.answer = stack, name, None
        self.files = [(f"{name}-{n}.pdf", documents.pdf([["a page"]], note=f"{name} {n} {time.time()}")) for n in range(FILES)]
        self.start()

    def run(self):
        until = time.monotonic() + 90 * SLOW
        while self.answer is None and time.monotonic() < until and self.stack.redis_process.poll() is None:
            try:
                status, answer = self.stack.upload(*self.files, key=self.key, timeout=15)
                if status == 202:
                    self.answer = answer
            except (OSError, ValueError):
                pass
            time.sleep(0.05)

    def accepted(self):
        return wait_for(lambda: self.answer, 90, "an answer to the upload")


def rest(stack):
    """Nothing waits, nothing is in hand, nothing is parked."""
    r = stack.redis
    return all(r.xlen(key) == 0 for key in r.scan_iter(SHARD + "tasks:*")) and r.zcard(SHARD + "later") == 0


def check_ledger(stack, upload):
    answer = upload.accepted()
    status = stack.batch_done(answer["batch_id"], timeout=60)
    assert status["completed"] == status["total"] == FILES, status
    wait_for(lambda: rest(stack), 60, "rest")
    jobs = [row["job_id"] for row in answer["job_ids"]]
    assert len(set(jobs)) == FILES
    for job in jobs:
        fields = job_of(stack.redis, job)
        assert (fields["state"], fields["open"], fields["fly"]) == ("finished", "0", "0"), fields
    batch = batch_of(stack.redis, answer["batch_id"])
    assert (batch["queued"], batch["started"], batch["finished"]) == ("0", "0", str(FILES)), batch
    assert stack.redis.zcard(SHARD + "dead") == 0, stack.redis.hgetall(SHARD + "deadwhy")

    records = stack.get(f"/api/records?batch={answer['batch_id']}&limit=500")[1]["records"]
    assert sorted(r["filename"] for r in records) == sorted(name for name, _ in upload.files)
    var = pathlib.Path(stack.folder) / "var"
    for _, data in upload.files:
        base = hashlib.sha256(data).hexdigest()[:12]
        originals = list(var.glob(f"objects/**/{base}/original.pdf"))
        assert len(originals) == 1 and originals[0].read_bytes() == data
    outbox = [p.name for p in (var / "outbox").glob("*.eml")]
    for id in [*jobs, answer["batch_id"]]:
        assert sum(name.startswith(id) for name in outbox) == 1, (id, outbox)


# ---- situations ------------------------------------------------------------------------------------------------------

def pending(stack, stage):
    try:
        return stack.redis.xpending(SHARD + "tasks:" + stage, "dispatchers")["pending"]
    except Exception:
        return 0


def plain(stack, name, arm):
    arm()
    return Upload(stack, name)


def held_by_a_stopped_worker(stack, name):
    """What stands still is dead after 4 s: its tasks wait, uploaded and all, until it does, and then need but be dealt."""
    engine = Engine.on(stack.redis)
    for stage in ("store", "inspect"):
        engine.run("admin", "pause", stage)
    upload = Upload(stack, name)
    upload.accepted()
    wait_for(lambda: stack.room("inspect") >= FILES, 60, "room at a worker")
    stack["ocr-svc"].signal(signal.SIGSTOP)
    engine.run("admin", "resume", "inspect")
    wait_for(lambda: pending(stack, "inspect") == FILES, 30, "tasks at the stopped worker")
    engine.run("admin", "resume", "store")
    return upload


def break_outbox(stack, name):
    outbox = pathlib.Path(stack.folder) / "var" / "outbox"
    stack["notify-svc"].kill()
    outbox.rename(f"{outbox}-{name}")
    stack.start("notify-svc")
    wait_for(outbox.exists, 60, "an outbox")
    stack.wait_ready("notify-svc")
    outbox.rmdir()  # what it has open is no folder any more


def mend_outbox(stack):
    stack["notify-svc"].kill()
    stack.start("notify-svc")


def a_mail_fails_once(stack, name, arm):
    break_outbox(stack, name)
    failures = stack.log("notify-svc").count("task_failed")
    arm()
    upload = Upload(stack, name)
    wait_for(lambda: stack.log("notify-svc").count("task_failed") > failures, 60, "a mail that fails")
    mend_outbox(stack)
    return upload


def a_mail_is_due(stack, name, arm):
    """To be promoted by a dispatcher that comes later: each looks once a second, whether there is anything or not."""
    break_outbox(stack, name)
    upload = Upload(stack, name)
    wait_for(lambda: stack.redis.zcard(SHARD + "later"), 60, "a mail put off")
    arm()
    mend_outbox(stack)
    return upload


def a_worker_dies(stack, name, arm):
    arm()
    upload = held_by_a_stopped_worker(stack, name)
    stack["ocr-svc"].kill()
    stack.start("ocr-svc")
    return upload


def a_worker_hands_back(stack, name, arm):
    """What it is told and what it was given reach it at once: when it does the tasks before it hears of its end, there is nothing to hand back."""
    victim = arm()
    for again in range(5):
        upload = held_by_a_stopped_worker(stack, f"{name}-{again}")
        stack["ocr-svc"].signal(signal.SIGTERM)
        stack["ocr-svc"].signal(signal.SIGCONT)
        assert stack["ocr-svc"].process.wait(30) == 0
        stack.start("ocr-svc")
        with contextlib.suppress(subprocess.TimeoutExpired):
            victim.process.wait(2 * SLOW)
            break
    return upload


def a_worker_holds_for_a_dead_dispatcher(stack, name, arm):
    stack["dispatcher"].kill()
    victim = stack.start("dispatcher", build=FAULTS, SHEAF_FAULT="result_heard:1")
    upload = Upload(stack, name)
    assert victim.process.wait(30) == -signal.SIGKILL
    arm()
    return upload


def both_die(stack, name, arm):
    upload = held_by_a_stopped_worker(stack, name)
    stack["ocr-svc"].kill()
    arm()
    stack.start("ocr-svc")
    return upload


def a_worker_is_slow(stack, name, arm):
    arm()
    upload = held_by_a_stopped_worker(stack, name)
    stack["dispatcher"].process.wait(20)  # it renews a third of the lease later: less than the silence that makes a worker dead
    stack["ocr-svc"].signal(signal.SIGCONT)
    return upload


SITUATIONS = {
    "before_defer": a_worker_dies, "sent_defer": a_mail_fails_once, "after_defer": a_worker_dies, "worker_lost": a_worker_dies,
    "before_promote": a_mail_is_due, "after_promote": a_mail_is_due,
    "before_give_back": a_worker_hands_back, "after_give_back": a_worker_hands_back,
    "before_adopt": a_worker_holds_for_a_dead_dispatcher, "sent_adopt": a_worker_holds_for_a_dead_dispatcher,
    "after_adopt": a_worker_holds_for_a_dead_dispatcher, "adopted": a_worker_holds_for_a_dead_dispatcher,
    "after_reclaim": both_die, "after_renew": a_worker_is_slow,
}
NTH = {"before_promote": 3, "after_promote": 3, "before_take": 2, "sent_take": 2, "task_heard": 2, "upload_stored": 2, "result_said": 2,
       "after_task": 2, "work_done": 3}


def kill_at(stack, service, point):
    program = PROGRAM[service]
    died = []

    def arm():
        stack[program].kill()
        victim = stack.start(program, build=FAULTS, SHEAF_FAULT=f"{point}:{NTH.get(point, 1)}")
        died.append(victim)
        wait_for(lambda: victim.process.poll() is not None or stack.is_ready(program), 20, f"{program} ready")
        return victim
    upload = SITUATIONS.get(point, plain)(stack, point, arm)
    assert died[0].process.wait(40 * SLOW) == -signal.SIGKILL, stack.log(program)[-1500:]
    stack.start(program)
    stack.wait_ready(program)
    check_ledger(stack, upload)


@pytest.fixture(scope="module")
def killings(request):
    """All points that were selected, on several stacks at once: most of the time is spent in waiting for leases."""
    subprocess.run(["make", "-s", "fault-programs"], cwd=TOP, check=True)
    wanted = [item.callspec.params for item in request.session.items if item.originalname == "test_killed_at"]
    todo, ended = queue.Queue(), {p["point"]: concurrent.futures.Future() for p in wanted}
    for p in wanted:
        todo.put(p)

    starting = threading.Lock()  # a stack's ports are free until it is up

    def work():
        while not todo.empty():
            with contextlib.ExitStack() as stacks, contextlib.suppress(queue.Empty):
                with starting:
                    stack = stacks.enter_context(Stack(*SIX, SHEAF_OCR="null", SHEAF_LEASE="3s", SHEAF_NOTIFY_WHEN="both"))
                while kill_and_tell(stack, todo.get_nowait(), ended):
                    pass

    with concurrent.futures.ThreadPoolExecutor(STACKS) as pool:
        workers = [pool.submit(work) for _ in range(min(STACKS, len(wanted)))]
        yield ended
    for w in workers:
        w.result()


def kill_and_tell(stack, row, ended):
    """Whether the stack is as it was: after a failure something may be stopped or dead that the next point needs."""
    try:
        kill_at(stack, row["service"], row["point"])
    except BaseException as e:
        logs = "\n".join(f"==== {label}\n" + stack.log(label)[-1500:] for label in stack.named)
        ended[row["point"]].set_exception(AssertionError(f"{e!r}\n{traceback.format_exc(limit=3)}\n{logs}"))
        return False
    ended[row["point"]].set_result(None)
    return True


@pytest.mark.parametrize("service, point", POINTS, ids=[p for _, p in POINTS])
def test_killed_at(killings, service, point):
    killings[point].result(timeout=600 * SLOW)
