"""How far jobs and batches are, asked by many: one reading for all of them."""
import concurrent.futures
import contextlib
import json
import threading
import time

import pytest

from engine import Engine
from stack import Stack, http, wait_for
from test_streams import Listener

JOBS = 1000      # as many as a batch's status lists
TICK_S = 0.25    # ANSWERS_MS
ASKERS = 24


@pytest.fixture(scope="module")
def stack():
    with Stack("gateway") as s:
        yield s


def put_states(redis, jobs, state, seq, **fields):
    keys = [f"sheaf:{{{job[:2]}}}:job:{job}" for job in jobs]
    with redis.pipeline(transaction=False) as all_at_once:
        for key in keys:
            all_at_once.hget(key, "state")
        places = [text.split("\0") for text in all_at_once.execute()]
        for key, (_, run, _, *others) in zip(keys, places):
            all_at_once.hset(key, mapping={"state": "\0".join([state, run, str(seq), *others]), **fields})
        all_at_once.execute()


def nearly_finished(stack):
    """A batch of which one job still waits, all with names as long as names get: (batch, job that waits)."""
    answer = Engine(stack.redis).enqueue(files=JOBS)["answer"]
    waits, *others = [row["job_id"] for row in answer["job_ids"]]
    put_states(stack.redis, others, "finished", 7, name='"' * 196 + ".pdf", started=1790000000000, finished=1790000000000)
    return answer["batch_id"], waits


def poll(stack, batch):
    status, _, body = http("GET", stack.url(f"/api/batch_status?batch_id={batch}"))
    assert status == 200 and len(body) > 400 * JOBS


def poll_until_one_needs_no_reading(stack, batch):
    kept = lambda: stack.metric("gateway", 'sheaf_status_reads_total{from="memory"}')
    before = kept()
    wait_for(lambda: poll(stack, batch) or kept() > before, 30, "an answer that was kept")


def lines_read(stack):
    return stack.redis.info("commandstats").get("cmdstat_hmget", {"calls": 0})["calls"] / JOBS


class Readings:
    """Of a batch of JOBS jobs while it is open: one for each tick that it took, and for each change."""

    def __init__(self, stack, changes=0):
        self.stack, self.changes = stack, changes

    def __enter__(self):
        self.began, self.before = time.monotonic(), lines_read(self.stack)
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            most = 2 + self.changes + (time.monotonic() - self.began) / TICK_S
            assert lines_read(self.stack) - self.before < most


def test_the_answer_about_the_largest_batch_is_kept_for_who_polls_within_the_tick(stack):
    poll_until_one_needs_no_reading(stack, nearly_finished(stack)[0])


def test_those_who_poll_at_once_wait_for_one_reading(stack):
    batch, _ = nearly_finished(stack)
    with Readings(stack), concurrent.futures.ThreadPoolExecutor(ASKERS) as pool:
        list(pool.map(lambda _: poll(stack, batch), range(ASKERS)))


@contextlib.contextmanager
def changing(stack, batch, job):
    """All the time something happens to this job of the batch."""
    ended = threading.Event()

    def tell():
        while not ended.wait(0.005):
            stack.redis.publish("sheaf:events", f"j {job} 3 {batch} started")
    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_the_largest_batch_is_read_once_a_tick_for_all_who_poll_also_while_it_changes_all_the_time(stack):
    batch, job = nearly_finished(stack)
    with changing(stack, batch, job), Readings(stack), concurrent.futures.ThreadPoolExecutor(ASKERS) as pool:
        list(pool.map(lambda _: poll(stack, batch), range(5 * ASKERS)))


def test_a_listener_hears_of_a_change_although_the_answer_before_it_is_still_kept(stack):
    batch, job = nearly_finished(stack)
    x = Listener(stack, f"/api/events?batch_id={batch}")
    assert x.read_until(lambda t: "event: batch" in t and t.endswith("\n\n"))
    read = lambda: stack.metric("gateway", 'sheaf_status_reads_total{from="redis"}')
    before = read()
    wait_for(lambda: poll(stack, batch) or read() > before, 30, "an answer made anew: the listener's first is over")
    put_states(stack.redis, [job], "started", 3)
    stack.redis.publish("sheaf:events", f"j {job} 3 {batch} started")
    assert x.read_until(lambda t: '"status":"started"' in t, 10), "before all streams are read again anyway"
    x.close()


def test_a_change_of_the_largest_batch_is_read_once_for_all_who_listen(stack):
    batch, job = nearly_finished(stack)
    with contextlib.ExitStack() as stay:
        listeners = [Listener(stack, f"/api/events?batch_id={batch}") for _ in range(ASKERS)]
        for x in listeners:
            stay.callback(x.close)
            assert x.read_until(lambda t: "event: batch" in t and t.endswith("\n\n"))
            x.text = ""
        put_states(stack.redis, [job], "started", 3)
        with Readings(stack, changes=1):
            stack.redis.publish("sheaf:events", f"j {job} 3 {batch} started")
            for x in listeners:
                assert x.read_until(lambda t: t.endswith("\n\n") and "event: batch" in t)
                assert x.events()[-1]["jobs"][0]["status"] == "started"


def test_what_is_old_makes_room(stack):
    for _ in range(20):  # together more than is kept at once
        poll_until_one_needs_no_reading(stack, nearly_finished(stack)[0])


def test_a_poll_of_named_jobs_is_answered_304_until_one_of_them_changes(stack):
    answer = Engine(stack.redis).enqueue(files=3)["answer"]
    jobs = [row["job_id"] for row in answer["job_ids"]]
    path = "/api/batch_status?job_ids=" + ",".join(jobs)
    status, head, body = http("GET", stack.url(path))
    assert status == 200 and json.loads(body)["total"] == 3
    ask = lambda: http("GET", stack.url(path), headers={"If-None-Match": head.get("ETag", "none")})
    again = ask()
    assert again[0] == 304 and again[2] == b"" and again[1]["ETag"] == head["ETag"]
    put_states(stack.redis, [jobs[1]], "started", 9)
    again = ask()
    assert again[0] == 200 and json.loads(again[2])["in_progress"] == 1
