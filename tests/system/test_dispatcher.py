"""A real dispatcher, a real Redis, scripted workers."""
import json
import pathlib
import re
import time

import pytest

from engine import OWNER, SHARD, Engine
from stack import TOP, Stack, wait_for
from wire import ACCEPTED, REFUSED, RETRY, SUPERSEDED, THROTTLED, Message, Worker

ALL = {t: 8 for t in ("store", "inspect", "page", "split", "extract", "save", "notify")}


@pytest.fixture(scope="module")
def stack():
    with Stack("dispatcher", SHEAF_NOTIFY_WHEN="never", SHEAF_LEASE="2s") as s:
        yield s


@pytest.fixture
def engine(stack):
    for key in stack.redis.scan_iter("sheaf:{*"):
        if not key.endswith("policy"):
            stack.redis.delete(key)
    return Engine.on(stack.redis)


@pytest.fixture
def worker(stack):
    made = []

    def make(**rooms):
        w = Worker(stack.dispatcher_endpoint, **rooms)
        made.append(w)
        return w
    yield make
    for w in made:
        w.leave()
    nobody_is_left(stack)


def nobody_is_left(stack):
    """What the dispatcher has not yet heard leaving would get the next test's tasks."""
    wait_for(lambda: stack.metric("dispatcher", "sheaf_workers") == 0, what="the last worker's end")


def state_of(engine, job):
    return engine.job(job).get("state")


def test_a_job_goes_through_all_stages_over_the_wire(engine, worker):
    w = worker(**ALL)
    assert w.hello().body["adopted"] == []
    job = engine.submit()
    tasks = w.work(6)
    assert sorted(t.type for t in tasks) == ["extract", "inspect", "page", "save", "split", "store"]
    page = next(t for t in tasks if t.type == "page")
    assert page.body["in"]["inspect"] == {"fan": 1} and page.body["owner"] == OWNER and page.ms_left == 120000
    split = next(t for t in tasks if t.type == "split")
    assert split.body["in"]["page_out"] == ["%d.%d.%d" % page.token]
    assert state_of(engine, job) == "finished"
    assert engine.job(job)["by:page"] == w.instance


def test_room_is_never_exceeded_and_the_least_loaded_is_served(engine, worker):
    a, b = worker(inspect=2), worker(inspect=1)
    a.hello(), b.hello()
    engine.enqueue(files=5)
    got_a = [a.get("TASK"), a.get("TASK")]
    got_b = b.get("TASK")
    assert all(got_a) and got_b
    assert a.get("TASK", timeout=0.3) is None and b.get("TASK", timeout=0.3) is None
    b.result(got_b)
    assert b.get("RESULT_ACK").status == ACCEPTED
    assert b.get("TASK") is not None


def test_free_room_is_counted_by_type_where_operators_look(engine, worker, stack):
    def room(stage):
        return stack.metric("dispatcher", f'sheaf_room{{type="{stage}"}}')
    w = worker(inspect=3)
    wait_for(lambda: room("inspect") == 0)
    w.hello(welcome=False)
    assert w.get("WELCOME", beat=False) and room("inspect") == 0, "known, and has said no room yet"
    w.credit("inspect")
    wait_for(lambda: w.beat() or room("inspect") == 3)
    engine.submit()
    assert w.get("TASK")
    wait_for(lambda: w.beat(inspect=1) or room("inspect") == 2)
    assert room("page") == 0, "and of what nobody does"


def test_a_result_said_again_is_acknowledged_again_and_counts_once(engine, worker):
    w = worker(inspect=1)
    w.hello()
    job = engine.submit()
    task = w.get("TASK")
    w.result(task, body={"fan": 2})
    assert w.get("RESULT_ACK").status == ACCEPTED
    w.result(task, body={"fan": 2})
    assert w.get("RESULT_ACK").status == ACCEPTED
    assert engine.job(job)["n:page"] == "2"


def test_retry_throttled_and_refused_are_told_apart(engine, worker):
    w = worker(inspect=1)
    w.hello()
    job = engine.submit()
    task = w.get("TASK")
    w.result(task, THROTTLED, {"after_ms": 100, "text": "waiting"})
    task = w.get("TASK")
    assert task.token[1:] == (1, 2), "no attempt spent"
    w.result(task, RETRY, {"text": "refused connection"})
    task = w.get("TASK")
    assert task.token[1:] == (2, 1)
    w.result(task, REFUSED, {"code": "encrypted", "text": "This PDF is protected with a password."})
    wait_for(lambda: state_of(engine, job) == "failed")
    assert json.loads(engine.job(job)["err"])["code"] == "encrypted"


def test_an_unknown_worker_is_asked_who_it_is(engine, worker):
    w = worker(inspect=1)
    w.beat()
    assert w.get("WHO", beat=False) is not None


def test_another_major_is_refused_by_name(engine, worker):
    w = worker(inspect=1)
    w.send(Message("HELLO", major=9))
    answer = w.get("WELCOME", beat=False)
    assert answer.status == 2 and answer.body["version"]


def test_nonsense_changes_nothing(engine, worker, stack):
    w = worker(inspect=1)
    for frames in ([b""], [b"x" * 104], [b"SHF1" + b"\xff" * 100], [b"SHF1\x01\x00\x05" + bytes(97)], [b"a", b"b", b"c"]):
        w.socket.send_multipart(frames)
    w.send(Message("HELLO", body="not an object"))
    assert w.hello() is not None
    assert stack["dispatcher"].process.poll() is None


def test_a_result_of_a_shard_that_there_is_not_is_answered_and_kept_nowhere(engine, worker):
    w = worker(inspect=1)
    w.hello()
    engine.submit()
    task = w.get("TASK")
    task.shard = 7
    w.result(task)
    assert w.get("RESULT_ACK").status == SUPERSEDED
    task.shard = 0
    w.result(task)
    assert w.get("RESULT_ACK").status == ACCEPTED


def test_what_a_worker_says_is_cut_between_characters(engine, worker, stack):
    """Half of one would make no JSON of what it goes into: the job's error, its message, the list of workers."""
    w = worker(inspect=1)
    w.instance = "é" * 40
    w.hello()
    job = engine.submit()
    w.result(w.get("TASK"), REFUSED, {"code": "damaged", "text": "ñ" * 150})
    assert w.get("RESULT_ACK").status == ACCEPTED
    assert json.loads(engine.job(job)["err"])["text"] == "ñ" * 99
    assert wait_for(lambda: stack.redis.exists("sheaf:worker:" + "é" * 31), what="its name")


def test_the_longest_document_of_single_pages_is_worked_on_to_its_end(engine, worker, stack):
    """Of it the most is said: a token for each page, and first and last page of each entry."""
    most = int(re.search(r'"SHEAF_MAX_PAGES", *INT, *"\d+", "1", "(\d+)"', (TOP / "lib" / "settings.def").read_text())[1])
    w = worker(inspect=1, page=512, split=1, extract=1)
    job = engine.submit(first=("inspect",))
    key = f"{SHARD}job:{job}"
    told = {**json.loads(stack.redis.hget(key, "about")), "name": "n" * 200,
            "mime": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}
    stack.redis.hset(key, "about", json.dumps(told, separators=(",", ":")))
    w.hello()
    w.result(w.get("TASK"), body={"fan": most})
    for _ in range(most):
        w.result(w.get("TASK"))
    w.result(w.get("TASK"), body={"fan": most, "entries": [[n + 1, n + 1] for n in range(most)], "doc_class": "BULK_SCANNED_BATCH", "schools": most})
    extract = w.get("TASK", timeout=10)
    assert extract is not None, engine.job(job)["err"]
    assert len(extract.body["in"]["page_out"]) == most


def test_a_task_handed_back_goes_to_another_without_an_attempt(engine, worker):
    a = worker(inspect=1)
    a.hello()
    engine.submit()
    task = a.get("TASK")
    a.rooms["inspect"] = 0
    a.about(task, "HANDED_BACK")
    b = worker(inspect=1)
    b.hello()
    again = b.get("TASK")
    assert again.job == task.job and again.token[1:] == (1, 2)


def test_a_silent_worker_is_dead_and_its_task_is_lost_not_failed(engine, worker):
    a = worker(inspect=1)
    a.hello()
    engine.submit()
    task = a.get("TASK")
    b = worker(inspect=1)
    b.hello()
    again = b.get("TASK")
    assert again.job == task.job
    assert again.token[1:] == (1, 2)
    a.result(task, body={"fan": 7})
    assert a.get("WHO", beat=False) is not None
    a.hello()
    a.result(task, body={"fan": 7})
    assert a.get("RESULT_ACK").status == SUPERSEDED
    b.result(again)
    assert b.get("RESULT_ACK").status == ACCEPTED


def test_bye_gives_its_tasks_away_at_once(engine, worker):
    a = worker(inspect=1)
    a.hello()
    engine.submit()
    task = a.get("TASK")
    b = worker(inspect=1)
    b.hello()
    a.send(Message("BYE"))
    assert b.get("TASK", timeout=3.5).job == task.job, "silence would take 4 s"


def test_a_cancelled_job_is_cancelled_at_its_worker(engine, worker):
    w = worker(inspect=1)
    w.hello()
    job = engine.submit()
    task = w.get("TASK")
    assert engine.run("cancel", job, OWNER) == "ok"
    cancel = w.get("CANCEL")
    assert cancel.job == task.job and cancel.token == task.token


def test_a_running_task_is_renewed_beyond_its_lease(engine, worker):
    w = worker(inspect=1)
    w.hello()
    engine.submit()
    task = w.get("TASK")
    assert w.get("TASK", "CANCEL", timeout=5) is None, "two and a half leases"
    w.result(task)
    assert w.get("RESULT_ACK").status == ACCEPTED


def test_a_machine_that_slept_takes_nothing_away_from_its_workers(engine, worker, stack):
    """To Redis what is in hand was not renewed for so long, and the clocks of those that slept with it say nothing of it."""
    w = worker(inspect=1)
    w.hello()
    engine.submit()
    task = w.get("TASK")
    key, entry = SHARD + "tasks:inspect", "%d-%d" % task.entry

    def held():
        w.beat(inspect=1)
        return stack.redis.xpending_range(key, "dispatchers", entry, entry, 1)[0]
    consumer = held()["consumer"]
    for _ in range(12):  # at whatever point between two renewals
        stack.redis.execute_command("XCLAIM", key, "dispatchers", consumer, 0, entry, "IDLE", 60000, "RETRYCOUNT", 1, "JUSTID")
        wait_for(lambda: held()["time_since_delivered"] < 60000, what="a renewal")
        assert (held()["consumer"], held()["times_delivered"]) == (consumer, 1)


def test_a_task_lost_with_its_connection_is_found_by_the_heartbeats_count(engine, worker):
    w = worker(inspect=1)
    w.hello()
    engine.submit()
    task = w.get("TASK")
    # It never arrived, as far as this worker knows: it counts nothing held.
    assert w.get("WHO", held={"inspect": 0}) is not None
    time.sleep(2.1)
    w.hello()
    again = w.get("TASK")
    assert again.job == task.job and again.token[2] == 2


# ---- two dispatchers ---------------------------------------------------------------------------------------

def presence(stack, dispatcher):
    """What Redis knows of it: its name holds its process's number."""
    return [key for key in stack.redis.scan_iter("sheaf:dispatcher:*") if f"-{dispatcher.pid}-" in key]


@pytest.fixture
def two(stack, engine):
    port = stack.base + 21
    second = stack.start("dispatcher", "dispatcher-2", SHEAF_DISPATCHER_BIND=f"tcp://127.0.0.1:{port}")
    wait_for(lambda: presence(stack, second), what="the second dispatcher")
    yield f"tcp://127.0.0.1:{port}", second
    if second.process.poll() is None:
        second.kill()


def test_two_dispatchers_share_the_work(stack, engine, two):
    endpoint, _ = two
    a, b = Worker(stack.dispatcher_endpoint, inspect=4), Worker(endpoint, inspect=4)
    a.hello(), b.hello()
    engine.enqueue(files=8)
    jobs = {t.job for t in [w.get("TASK") for w in (a, b) for _ in range(4)] if t}
    assert len(jobs) == 8
    a.leave(), b.leave()
    nobody_is_left(stack)


def test_a_running_task_is_adopted_when_its_dispatcher_dies(stack, engine, two):
    endpoint, second = two
    to_second = Worker(endpoint, "adoptee", inspect=1)
    to_second.hello()
    job = engine.submit()
    task = to_second.get("TASK")
    second.kill()
    to_first = Worker(stack.dispatcher_endpoint, "adoptee", inspect=1)
    answer = to_first.hello(holds=[task])
    if "adopted" not in answer.body:
        answer = to_first.get("WELCOME")
    assert answer.body["adopted"] == [0]
    assert to_first.get("CANCEL", timeout=4) is None, "renewed by its new dispatcher"
    to_first.result(task)
    assert to_first.get("RESULT_ACK").status == ACCEPTED
    assert engine.job(job)["d:inspect"] == "1"
    to_first.leave(), to_second.close()
    nobody_is_left(stack)


def test_what_a_dead_dispatcher_held_is_reclaimed(stack, engine, two):
    endpoint, second = two
    gone = Worker(endpoint, inspect=1)
    gone.hello()
    engine.submit()
    task = gone.get("TASK")
    second.kill()
    gone.close()
    w = Worker(stack.dispatcher_endpoint, inspect=1)
    w.hello()
    again = w.get("TASK")
    assert again.job == task.job and again.token[1:] == (1, 2)
    w.leave()
    nobody_is_left(stack)


def test_a_dispatcher_that_starts_leaves_to_those_who_come_later_what_they_hold():
    with Stack("dispatcher", SHEAF_NOTIFY_WHEN="never", SHEAF_LEASE="60s") as s:
        holder = Worker(s.dispatcher_endpoint, inspect=1)
        holder.hello()
        Engine.on(s.redis).submit()
        task = holder.get("TASK")
        key, entry = SHARD + "tasks:inspect", "%d-%d" % task.entry
        assert s["dispatcher"].stop() == 0
        wait_for(lambda: s.redis.xpending_range(key, "dispatchers", entry, entry, 1)[0]["time_since_delivered"] > 3000, what="some time")
        s["dispatcher"].start()
        other = Worker(s.dispatcher_endpoint, inspect=1)
        other.hello()
        assert other.get("TASK", timeout=1) is None
        answer = holder.hello(holds=[task])
        if "adopted" not in answer.body:
            answer = holder.get("WELCOME")
        assert answer.body["adopted"] == [0]
        holder.result(task)
        assert holder.get("RESULT_ACK").status == ACCEPTED
        holder.close(), other.close()


def test_sigterm_says_drain_and_bye_and_leaves_nothing_behind(stack, engine, two):
    endpoint, second = two
    w = Worker(endpoint, inspect=1)
    w.hello()
    assert second.stop() == 0
    assert w.get("BYE", beat=False) is not None
    assert presence(stack, second) == []
    w.close()


# ---- Redis comes and goes ------------------------------------------------------------------------------------

def test_an_outage_of_redis_spends_nothing_and_the_loop_turns_again(engine, worker, stack):
    w = worker(inspect=1)
    w.hello()
    job = engine.submit()
    task = w.get("TASK")
    stack.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    w.result(task)
    assert w.get("RESULT_ACK").status == ACCEPTED
    assert engine.job(job)["d:inspect"] == "1"


def test_an_eviction_policy_that_may_lose_jobs_is_refused(stack):
    with Stack(redis_options=("--maxmemory-policy", "allkeys-lru")) as s:
        p = s.start("dispatcher")
        assert p.process.wait(60) == 100
        assert "noeviction" in s.log("dispatcher")
        assert s.start("dispatcher", "allowed", SHEAF_REDIS_ALLOW_EVICTION="yes").process.poll() is None


def test_another_shard_count_than_the_first_is_refused(stack):
    p = stack.start("dispatcher", "sharded", SHEAF_SHARDS=4, SHEAF_DISPATCHER_BIND=f"tcp://127.0.0.1:{stack.base + 21}")
    assert p.process.wait(60) == 100
    assert "shards" in stack.log("sharded")


# ---- several shards ----------------------------------------------------------------------------------------

SHARDS = 8


@pytest.fixture(scope="module")
def sharded():
    with Stack("dispatcher", SHEAF_NOTIFY_WHEN="never", SHEAF_SHARDS=SHARDS) as s:
        yield s, [Engine.on(s.redis, shard) for shard in range(SHARDS)]


def test_a_job_of_any_shard_finds_the_one_free_worker_at_once(sharded):
    """Not when its shard's turn comes, at a second for each."""
    s, engines = sharded
    w = Worker(s.dispatcher_endpoint, inspect=1)
    w.hello()
    began = time.monotonic()
    for n in range(2 * SHARDS):
        job = engines[n * 5 % SHARDS].submit(first=["inspect"])
        task = w.get("TASK")
        assert task.job_id == job
        w.result(task, REFUSED, {"code": "damaged", "text": "No."})
        w.get("RESULT_ACK")
    assert time.monotonic() - began < 2 * SHARDS, "each within a second, most within milliseconds"
    w.leave()
    nobody_is_left(s)


def test_all_room_goes_to_the_shard_that_has_work(sharded):
    s, engines = sharded
    w = Worker(s.dispatcher_endpoint, inspect=80)
    w.hello()
    began = time.monotonic()
    engines[3].enqueue(files=80, first=["inspect"])
    tasks = [w.get("TASK") for _ in range(80)]
    assert time.monotonic() - began < 4, "no part of it is kept for shards that have nothing"
    assert len({t.job for t in tasks}) == 80
    w.leave()
    nobody_is_left(s)


def test_work_in_all_shards_shares_the_room(sharded):
    s, engines = sharded
    w = Worker(s.dispatcher_endpoint, inspect=16)
    for e in engines:
        e.enqueue(files=50, first=["inspect"])
    time.sleep(1.2)  # by then the dispatcher knows of all of them, whatever it was told
    w.hello()
    tasks = [w.get("TASK") for _ in range(16)]
    assert {t.shard for t in tasks} == set(range(SHARDS))
    w.leave()
    nobody_is_left(s)


def test_blobs_that_cannot_be_removed_keep_no_others_from_going_nor_do_very_many(stack, engine):
    """A folder in a blob's place stands for whatever refuses."""
    blobs = pathlib.Path(stack.folder) / "var" / "blobs"
    stuck, many, last = ([engine.new_id() for _ in range(n)] for n in (120, 11000, 1))
    for job in stuck:
        (blobs / job[-2:] / f"{job}.upload" / "full").mkdir(parents=True)
    file = blobs / last[0][-2:] / f"{last[0]}.upload"
    file.write_bytes(b"x")
    jobs = stuck + many + last
    stack.redis.zadd(SHARD + "sweep", {f"{job} upload": n + 1 for n, job in enumerate(jobs)})
    wait_for(lambda: not file.exists(), 55, "the last one's turn")
    wait_for(lambda: stack.redis.zcard(SHARD + "sweep") == len(stuck), 30, "the others' end")
    assert all((blobs / job[-2:] / f"{job}.upload").exists() for job in stuck), "they are tried again later"
