"""Cancel, kick and re-run in every state a job may be in; a batch's end in every way its last job may end. On the scripts alone."""
import json

import pytest

from engine import OWNER, SHARD, Engine


def queued(engine):
    return engine.submit(), []


def waiting_behind_others(engine):
    engine.take(inspect=1, window=1)
    for _ in range(70):
        engine.submit()
    return engine.submit(), []


def in_hand(engine):
    job = engine.submit()
    return job, [t for t in engine.take() if t.job == job]


def waiting_for_a_retry(engine):
    job, tasks = in_hand(engine)
    for task in tasks:
        engine.defer(task, "retry", after_ms=10**7)
    return job, tasks


def throttled(engine):
    job, tasks = in_hand(engine)
    for task in tasks:
        engine.defer(task, "throttled", after_ms=10**7)
    return job, tasks


def given_back(engine):
    job, tasks = in_hand(engine)
    engine.named("give_back", tasks)
    return job, tasks


def lost_twice(engine):
    job = engine.submit()
    for _ in range(2):
        tasks = engine.take()
        for task in tasks:
            assert engine.defer(task, "lost") == 1
    return job, tasks


def halfway(engine):
    job, tasks = in_hand(engine)
    engine.commit(*tasks, fan=3)
    pages = engine.take()
    engine.commit(pages[0])
    return job, pages[1:]


def finished(engine):
    job = engine.submit()
    engine.finish(job, pages=2, entries=2)
    return job, []


def failed(engine):
    job, (a, b) = in_hand(engine)
    inspect, store = (a, b) if a.type == "inspect" else (b, a)
    assert engine.defer(inspect, "refused", code="encrypted") == 3
    return job, [store]


def cancelled(engine):
    job, tasks = in_hand(engine)
    assert engine.run("cancel", job, OWNER) == "ok"
    return job, tasks


LIVE = (queued, waiting_behind_others, in_hand, waiting_for_a_retry, throttled, given_back, lost_twice, halfway)
ENDED = (finished, failed, cancelled)


def name(function):
    return function.__name__


def settle(engine, job):
    """Everything that is due sometime is due now, and is done."""
    for member in engine.r.zrange(SHARD + "later", 0, -1):
        engine.r.zadd(SHARD + "later", {member: 1})
    engine.promote()
    engine.reclaim(lease=0)
    engine.finish(job, pages=2, entries=2)
    fields = engine.job(job)
    assert all(engine.r.xlen(key) == 0 for key in engine.r.scan_iter(SHARD + "tasks:*"))
    assert engine.r.zcard(SHARD + "later") == 0 and not list(engine.r.scan_iter(SHARD + "wait:*"))
    return fields


@pytest.mark.parametrize("state", LIVE, ids=name)
def test_cancel_ends_a_live_job_for_good_and_nothing_of_it_comes_back(engine, state):
    job, held = state(engine)
    assert engine.run("cancel", job, OWNER) == "ok"
    assert engine.run("cancel", job, OWNER) == "state"
    assert set(engine.commit(*held) if held else []) <= {2}, "late results are superseded"
    fields = settle(engine, job)
    assert fields["state"] == "cancelled" and "d:save" not in fields


@pytest.mark.parametrize("state", LIVE, ids=name)
@pytest.mark.parametrize("verb", ["", "inspect"], ids=["kick", "rerun"])
def test_kick_and_rerun_are_refused_while_a_job_lives_and_change_nothing(engine, state, verb):
    job, _ = state(engine)
    before = engine.job(job)
    assert engine.run("rerun", job, OWNER, verb) == "state"
    assert engine.job(job) == before
    assert settle(engine, job)["state"] == "finished"


@pytest.mark.parametrize("state", ENDED, ids=name)
def test_cancel_is_refused_once_a_job_has_ended(engine, state):
    job, _ = state(engine)
    before = engine.job(job)["state"]
    assert engine.run("cancel", job, OWNER) == "state"
    assert settle(engine, job)["state"] == before


@pytest.mark.parametrize("state", ENDED, ids=name)
@pytest.mark.parametrize("verb", ["", "inspect"], ids=["kick", "rerun"])
def test_an_ended_job_goes_on_in_a_new_run_and_late_results_of_the_old_one_are_superseded(engine, state, verb):
    job, held = state(engine)
    old = engine.job(job)["run"]
    if state is finished and verb == "":
        assert engine.run("rerun", job, OWNER, verb) == "state", "there is nothing that was not done"
        return
    assert engine.run("rerun", job, OWNER, verb) == "ok"
    assert set(engine.commit(*held) if held else []) <= {2}
    fields = settle(engine, job)
    assert fields["state"] == "finished" and int(fields["run"]) > int(old)
    assert (fields["d:inspect"], fields["d:store"], fields["d:save"], fields["open"], fields["fly"]) == ("1", "1", "2", "0", "0")


def test_a_paused_stage_holds_back_what_waits_and_lets_what_is_in_hand_end(engine):
    job, held = in_hand(engine)
    assert engine.run("admin", "pause", "page") == "ok"
    assert engine.run("admin", "pause", "page") == "ok"
    assert engine.commit(*held, fan=2) == [1] * len(held)
    assert engine.take() == []
    assert engine.run("cancel", job, OWNER) == "ok", "also while it waits there"
    other, held = in_hand(engine)
    engine.commit(*held, fan=2)
    assert engine.run("admin", "resume", "page") == "ok"
    assert settle(engine, other)["state"] == "finished" and engine.job(job)["state"] == "cancelled"


# ---- a batch ends once ------------------------------------------------------------------------------------------------

def ends_finished(engine, tasks):
    engine.commit(*tasks, fan=0)


def ends_refused(engine, tasks):
    engine.defer(tasks[0], "refused", code="damaged")


def ends_out_of_attempts(engine, tasks):
    assert engine.defer(tasks[0], "retry", most=1) == 3


def ends_as_poison(engine, tasks):
    task = tasks[0]
    while engine.defer(task, "lost") != 3:
        (task,) = [t for t in engine.take(**{task.type: 9}) if t.job == task.job]


def ends_out_of_time(engine, tasks):
    engine.named("give_back", tasks)
    engine.take(limit_ms=-1, inspect=9)


def ends_cancelled(engine, tasks):
    engine.run("cancel", tasks[0].job, OWNER)


@pytest.mark.parametrize("end", [ends_finished, ends_refused, ends_out_of_attempts, ends_as_poison, ends_out_of_time, ends_cancelled], ids=name)
def test_a_batch_ends_once_however_its_last_job_ends_and_stays_ended_when_that_one_is_done_again(server, end):
    server.client.flushall()
    engine = Engine(server.client, notify="batch")
    answer = engine.enqueue(files=2)["answer"]
    batch, (first, last) = answer["batch_id"], [row["job_id"] for row in answer["job_ids"]]
    tasks = engine.take(store=9, inspect=9)
    engine.commit(*[t for t in tasks if t.job == first], fan=0)
    assert engine.batch(batch)["ended"] == "0"
    end(engine, sorted((t for t in tasks if t.job == last), key=lambda t: t.type))
    ended = engine.batch(batch)["ended"]
    assert ended != "0"
    (notice,) = engine.take(notify=9)
    told = json.loads(notice.needs[0])
    assert told["jobs"] == 2 and told["finished"] + told["failed"] + told["cancelled"] == 2
    assert engine.commit(notice) == [1] and engine.commit(notice) == [2], "done once"

    assert engine.run("rerun", last, OWNER, "inspect" if end is ends_finished else "") == "ok"
    engine.reclaim(lease=0)
    engine.finish(last, pages=0)
    fields = engine.batch(batch)
    assert engine.job(last)["state"] == "finished"
    assert (fields["ended"], fields["finished"], fields["failed"], fields["cancelled"]) == (ended, "2", "0", "0")
    assert engine.r.zcard(SHARD + "dead") == 0


# ---- nothing is taken out of a stream behind anybody's back -------------------------------------------------------------

def test_a_consumer_is_deleted_only_with_nothing_pending_and_after_an_hour(engine):
    engine.submit()
    engine.take("busy", inspect=1)
    engine.take("idle", inspect=1)
    source = engine.scripts["reap"]
    engine.scripts["reap"] = source.replace("HOUR_MS = 3600000", "HOUR_MS = -1")
    assert engine.scripts["reap"] != source
    engine.reap()
    names = {c["name"] for c in engine.r.xinfo_consumers(SHARD + "tasks:inspect", "dispatchers")}
    assert "busy" in names and "idle" not in names
    engine.reclaim("other", lease=0)
    engine.reap()
    assert [t.delivery for t in engine.take("other", inspect=1)] == [2], "and its task is still there"


def test_an_entry_leaves_its_stream_only_by_the_end_of_its_delivery(engine):
    """The walks of test_engine_random.py look that nothing pending is ever gone; here that nothing could do it."""
    for script, source in engine.scripts.items():
        lines = source.splitlines()
        for at, line in enumerate(lines):
            assert "XTRIM" not in line and "MAXLEN" not in line and "MINID" not in line, (script, line)
            assert "'XDEL'" not in line or "'XACK'" in lines[at - 1], (script, line)
            assert "DELCONSUMER'" not in line or script == "reap", (script, line)
