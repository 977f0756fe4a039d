"""The thirteen rules of the engine (ARCHITECTURE.md, "The engine"), each against a real Redis."""
import json
import subprocess
import time

import pytest
import redis

from engine import OWNER, PARTS, SHARD, Engine, FunctionEngine, Server

OTHER = "00000000-0000-4000-8000-000000000002"


@pytest.fixture(params=[Engine, FunctionEngine], ids=["scripts", "functions"])
def engine(server, request):
    server.client.flushall()
    return request.param(server.client)


# ---- the graph ------------------------------------------------------------------------------------

def test_a_job_runs_through_its_graph_and_finishes_once(engine):
    job = engine.submit()
    first = engine.take()
    assert sorted(t.type for t in first) == ["inspect", "store"]
    engine.commit(*[t for t in first if t.type == "inspect"], fan=3)
    pages = engine.take()
    assert [t.index for t in pages] == [0, 1, 2]
    engine.commit(pages[0], pages[1])
    assert engine.take() == [], "split waits for the last page"
    engine.commit(pages[2])
    (split,) = engine.take()
    assert split.type == "split"
    assert split.needs[0].split(" ") == [p.token for p in pages]
    engine.commit(split, fan=2)
    extracts = engine.take()
    engine.commit(*extracts)
    saves = engine.take()
    assert [s.index for s in saves] == [0, 1]
    assert saves[1].needs[1] == extracts[1].token
    engine.commit(*saves)
    assert engine.job(job)["state"] == "started", "the original is not stored yet"
    engine.commit(*[t for t in first if t.type == "store"])
    assert engine.job(job)["state"] == "finished"
    assert engine.job(job)["open"] == "0"


def test_no_pages_and_no_entries_are_legal_ends(engine):
    job = engine.submit()
    for task in engine.take():
        engine.commit(task, fan=0)
    assert engine.job(job)["state"] == "finished"


def test_notify_belongs_to_no_count_and_its_burial_leaves_the_job_finished(server):
    server.client.flushall()
    engine = Engine(server.client, notify="job")
    job = engine.submit()
    while not (tasks := engine.take())[0].type == "notify":
        for t in tasks:
            engine.commit(t)
    assert engine.job(job)["state"] == "finished"
    assert engine.defer(tasks[0], "refused", code="provider_refused") == 3
    assert engine.job(job)["state"] == "finished"
    assert engine.r.zcard(SHARD + "dead") == 1


# ---- rule 1: short streams, fair admission -----------------------------------------------------------

def test_rule_1_a_stream_holds_at_most_its_window_the_rest_waits_by_owner(engine):
    engine.enqueue(files=100)
    assert engine.r.xlen(SHARD + "tasks:inspect") == 64
    assert engine.r.hget(SHARD + "waiting", "inspect") == "36"


def test_rule_1_a_late_owner_is_admitted_in_turn_not_after_the_backlog(engine):
    engine.enqueue(files=200)
    late = engine.submit(owner=OTHER)
    seen = []
    for _ in range(40):
        (task,) = engine.take(inspect=1)
        engine.commit(task, fan=0)
        seen.append(task.job)
        if task.job == late:
            break
    for _ in range(40):
        if late in seen:
            break
        (task,) = engine.take(inspect=1)
        engine.commit(task, fan=0)
        seen.append(task.job)
    assert len(seen) <= 64 + 3, "the window, then at most a turn"


def test_rule_1_weights_share_the_admissions(engine):
    engine.r.hset(SHARD + "fair", "weight:" + OTHER, 3)
    engine.enqueue(files=64)  # fills the window
    engine.enqueue(files=100)
    engine.enqueue(files=100, owner=OTHER)
    for task in engine.take(inspect=64):
        engine.commit(task, fan=0)
    owners = [t.owner for t in engine.take(inspect=64)]
    assert owners.count(OTHER) == 48 and owners.count(OWNER) == 16


def test_rule_1_a_weight_that_is_no_number_is_the_least_and_stops_nobody(engine):
    engine.r.hset(SHARD + "fair", "weight:" + OTHER, "nan")
    engine.enqueue(files=64)
    engine.enqueue(files=20)
    engine.enqueue(files=1, owner=OTHER)
    engine.commit(*engine.take(inspect=64), fan=0)
    assert sorted(t.owner for t in engine.take(inspect=64)) == sorted([OWNER] * 20 + [OTHER])


def test_rule_1_an_owner_never_has_more_in_the_stream_than_its_cap(engine):
    engine.r.hset(SHARD + "fair", "cap:inspect", 5)
    engine.enqueue(files=20)
    engine.enqueue(files=20, owner=OTHER)
    held = engine.take(inspect=64)
    assert [t.owner for t in held].count(OWNER) == 5 and [t.owner for t in held].count(OTHER) == 5
    engine.commit(*[t for t in held if t.owner == OWNER][:2], fan=0)
    assert [t.owner for t in engine.take(inspect=64)] == [OWNER, OWNER]


def test_rule_1_high_priority_goes_first_and_low_waits_longer_not_for_ever(engine):
    engine.enqueue(files=64)
    low, normal, high = (engine.submit(klass=k) for k in (3, 2, 1))
    for task in engine.take(inspect=64):
        engine.commit(task, fan=0)
    assert [t.job for t in engine.take(inspect=64)] == [high, normal, low]
    # Twenty-one minutes older than a high one, a low one is served before it.
    engine.enqueue(files=64)
    low = engine.submit(klass=3)
    waiting = SHARD + f"wait:inspect:{OWNER}:3"
    words = engine.r.lindex(waiting, 0).split(" ")
    words[6] = str(int(words[6]) - 21 * 60000)
    engine.r.lset(waiting, 0, " ".join(words))
    high = engine.submit(klass=1)
    for task in engine.take(inspect=64):
        engine.commit(task, fan=0)
    assert [t.job for t in engine.take(inspect=64)][:2] == [low, high]


def test_rule_1_a_retry_is_admitted_first_in_its_owners_share(engine):
    engine.enqueue(files=64)
    (task,) = engine.take(inspect=1)
    assert engine.defer(task, "retry") == 1
    engine.enqueue(files=5)
    engine.promote()
    for t in engine.take(inspect=64):
        engine.commit(t, fan=0)
    assert engine.take(inspect=64)[0].job == task.job


@pytest.mark.parametrize("by_hand", ["a stream deleted", "a cap raised"])
def test_rule_1_who_waits_is_admitted_whatever_made_the_place(engine, by_hand):
    assert engine.take() == []  # its window is known
    if by_hand == "a cap raised":
        engine.r.hset(SHARD + "fair", "cap:inspect", 0)
    engine.enqueue(files=70, first=["inspect"])
    engine.r.delete(SHARD + "tasks:inspect", SHARD + "fair")
    assert engine.take(inspect=64) == []
    engine.promote()
    assert len(engine.take(inspect=64)) == (64 if by_hand == "a cap raised" else 6)


def test_rule_1_waiting_and_in_flight_are_counted_per_type(engine):
    engine.enqueue(files=70)
    engine.take(inspect=10)
    count = engine.r.xlen(SHARD + "tasks:inspect") + int(engine.r.hget(SHARD + "waiting", "inspect"))
    assert count == 70


# ---- rule 2: take ------------------------------------------------------------------------------------

def test_rule_2_takes_no_more_than_there_is_room_for(engine):
    engine.enqueue(files=10)
    assert len(engine.take(inspect=3, store=0)) == 3
    assert len(engine.take(inspect=100)) == 7


def test_rule_2_what_was_handed_back_is_served_first_with_the_next_delivery(engine):
    engine.enqueue(files=3)
    first = engine.take(inspect=1)
    assert engine.named("give_back", first) == 1
    again = engine.take(inspect=1)
    assert (again[0].job, again[0].delivery, again[0].attempt) == (first[0].job, 2, 1)


def test_rule_2_only_a_hungry_type_is_woken(engine):
    listener = engine.r.pubsub()
    listener.subscribe("sheaf:wake")
    assert listener.get_message(timeout=20)["type"] == "subscribe"
    engine.submit()
    assert listener.get_message(timeout=0.1) is None, "nobody found the stream dry"
    engine.take(inspect=1)
    engine.take(inspect=1)
    engine.submit()
    assert listener.get_message(timeout=20)["data"] == "00 inspect"
    engine.submit()
    assert listener.get_message(timeout=0.1) is None, "said once"
    listener.close()


# ---- rule 3: the token ----------------------------------------------------------------------------------

def test_rule_3_a_late_result_of_an_earlier_delivery_changes_nothing(engine):
    job = engine.submit()
    (zombie,) = engine.take("d1", inspect=1)
    engine.reclaim("d2", lease=0)
    (healthy,) = engine.take("d2", inspect=1)
    assert healthy.delivery == 2
    assert engine.commit(zombie, fan=5) == [2]
    assert engine.defer(zombie, "refused") == 2
    assert engine.commit(healthy, fan=1) == [1]
    assert engine.job(job)["n:page"] == "1"


def test_rule_3_the_delivery_number_goes_on_over_a_throttled_wait(engine):
    engine.submit()
    (task,) = engine.take(inspect=1)
    engine.named("give_back", [task])
    (task,) = engine.take(inspect=1)
    engine.defer(task, "throttled")
    engine.promote()
    (task,) = engine.take(inspect=1)
    assert (task.attempt, task.delivery) == (1, 3)
    assert engine.commit(task) == [1]


def test_rule_3_a_document_that_comes_again_has_a_higher_run_also_after_the_clock_was_set_back(engine):
    first = engine.submit(digests=["a" * 64])
    state = engine.r.hget(f"{SHARD}job:{first}", "state").split("\0")
    ahead = str(int(state[1]) + 3600_000_000)
    engine.r.hset(f"{SHARD}job:{first}", "state", "\0".join([state[0], ahead, *state[2:]]))
    again = engine.submit(digests=["a" * 64])
    assert engine.job(again)["run"] == str(int(ahead) + 1)
    assert {t.run for t in engine.take() if t.job == again} == {str(int(ahead) + 1)}
    two = engine.enqueue(files=2, digests=["b" * 64] * 2)["answer"]["job_ids"]
    runs = [int(engine.job(row["job_id"])["run"]) for row in two]
    assert runs[1] == runs[0] + 1


def test_rule_3_a_result_of_an_older_run_is_only_acknowledged(engine):
    job = engine.submit()
    first = engine.take()
    engine.run("cancel", job, OWNER)
    assert engine.run("rerun", job, OWNER, "") == "ok"
    assert engine.commit(*first) == [2, 2]
    assert engine.job(job)["state"] == "queued"
    again = engine.take()
    assert all(int(t.run) > int(first[0].run) for t in again)
    assert engine.commit(*again) == [1, 1]


# ---- rule 4: all or nothing --------------------------------------------------------------------------------

def test_rule_4_a_commit_sent_again_is_answered_as_done_and_counts_once(engine):
    job = engine.submit()
    (task,) = engine.take(inspect=1)
    assert engine.commit(task, fan=2) == [1]
    assert engine.commit(task, fan=2) == [1]
    assert engine.job(job)["n:page"] == "2"


def test_rule_4_one_bad_item_leaves_the_others_of_the_call_alone(engine):
    engine.enqueue(files=3)
    a, b, c = engine.take(inspect=3)
    b.delivery = 9
    assert engine.commit(a, b, c) == [1, 2, 1]


def test_rule_4_what_is_no_job_or_no_task_is_dropped_and_the_others_of_the_call_go_on(engine):
    broken, good = engine.submit(), engine.submit()
    engine.r.xadd(SHARD + "tasks:inspect", {"t": "three words only"})
    tasks = engine.take(inspect=9)
    assert [t.job for t in tasks] == [broken, good]
    engine.r.delete(SHARD + "job:" + broken)
    engine.r.set(SHARD + "job:" + broken, "no hash")
    assert engine.commit(tasks[0], *tasks, fan=0) == [2, 2, 1]
    assert engine.r.xlen(SHARD + "tasks:inspect") == 0 and engine.job(good)["d:inspect"] == "1"


@pytest.mark.parametrize("state", ["", "started", "started\0", "[\"started\",\"5\"]", "started\0" * 10, "started\0" * 10 + "cut"])
def test_rule_4_a_job_whose_state_is_none_is_dropped_and_the_others_of_the_call_go_on(engine, state):
    broken, good = engine.submit(), engine.submit()
    tasks = engine.take(inspect=2)
    engine.r.hset(SHARD + "job:" + broken, "state", state)
    assert engine.commit(*tasks, fan=0) == [2, 1]
    assert engine.r.xlen(SHARD + "tasks:inspect") == 0 and engine.job(good)["d:inspect"] == "1"


def test_rule_4_and_12_full_memory_refuses_intake_whole_and_lets_work_come_to_its_end():
    server = Server("--maxmemory", "30mb")
    try:
        engine = Engine(server.client)
        jobs = [engine.submit() for _ in range(3)]
        engine.r.config_set("maxmemory", 1)
        keys = sorted(engine.r.keys("*"))
        with pytest.raises(redis.exceptions.RedisError, match="OOM|memory"):
            engine.submit()
        assert sorted(engine.r.keys("*")) == keys, "nothing half done"
        for _ in range(10):
            for task in engine.take():
                assert engine.commit(task) == [1]
        assert [engine.job(j)["state"] for j in jobs] == ["finished"] * 3
    finally:
        server.stop()


# ---- rule 5: renew ---------------------------------------------------------------------------------------------

def test_rule_5_renew_keeps_only_what_is_mine_with_my_delivery(engine):
    job = engine.submit()
    (task,) = engine.take("frozen", inspect=1)
    assert engine.named("renew", [task], me="frozen") == [1]
    engine.reclaim("d2", lease=0)
    (healthy,) = engine.take("d2", inspect=1)
    assert engine.named("renew", [task], me="frozen") == [2], "it is not stolen back"
    assert engine.named("renew", [healthy], me="d2") == [1]
    engine.run("cancel", job, OWNER)
    assert engine.named("renew", [healthy], me="d2") == [3]


def test_rule_5_a_renewed_task_is_not_reclaimed(engine):
    engine.alive("d1")
    engine.submit()
    task = engine.take("d1", inspect=1)
    engine.age(90000, *task)
    engine.named("renew", task, me="d1")
    assert engine.reclaim("d2", lease=60000) == 0
    engine.age(90000, *task)
    assert engine.reclaim("d2", lease=60000) == 1, "and it would have been"


# ---- rule 6: reclaim -----------------------------------------------------------------------------------------------

def test_rule_6_reclaims_from_a_living_dispatcher_whose_take_reply_was_lost(engine):
    engine.alive("d1")
    engine.submit()
    lost = engine.take("d1", inspect=1)  # the answer never arrived
    assert engine.reclaim("d2", lease=60000) == 0
    engine.age(60001, *lost)
    assert engine.reclaim("d2", lease=60000) == 1
    assert engine.take("d2", inspect=1)[0].delivery == 2


def test_rule_6_a_gone_liveness_key_only_shortens_the_wait(engine):
    engine.submit()
    held = engine.take("dead", inspect=1)
    assert engine.reclaim("d2", lease=10000) == 0, "not at once"
    engine.age(2050, *held)
    assert engine.reclaim("d2", lease=10000) == 1


def test_rule_6_after_a_reconnect_what_is_mine_and_unknown_is_returned(engine):
    engine.enqueue(files=3)
    known, *lost = engine.take("d1", inspect=3)
    assert engine.run("reclaim", "d1", 10000, "mine", "inspect", known.entry) == 2
    assert sorted(t.job for t in engine.take("d1", inspect=3)) == sorted(t.job for t in lost)


def test_rule_6_an_entry_whose_place_in_the_returned_list_was_lost_is_found_again(engine):
    engine.submit()
    task = engine.take("d1", inspect=1)
    engine.named("give_back", task)
    engine.r.delete(SHARD + "returned:inspect")
    engine.age(60001, *task)
    engine.reclaim("d2", lease=60000)
    assert len(engine.take("d2", inspect=1)) == 1


def test_rule_6_many_that_wait_for_a_worker_do_not_hide_what_a_dead_dispatcher_held(engine):
    engine.take("d1", window=400, inspect=1)  # says how many tasks the stream may hold
    for _ in range(3):
        engine.enqueue(files=100)
    waiting = engine.take("d1", window=400, inspect=250)
    (orphan,) = engine.take("gone", window=400, inspect=1)
    engine.named("give_back", waiting)
    engine.age(60001, *waiting, orphan)
    assert engine.reclaim("d2", lease=60000, types=["inspect"]) == 1
    assert orphan.entry in [t.entry for t in engine.take("d2", window=400, inspect=300)]


def test_rule_6_looking_for_what_is_lost_costs_no_more_for_each_that_waits_the_more_wait(engine):
    engine.enqueue(files=180, first=["inspect"])
    engine.r.hset(SHARD + "window", "inspect", 256)
    engine.promote()
    tasks = engine.take(window=256, inspect=180)
    assert engine.reclaim("d2", lease=0) == 180
    engine.age(60000, *tasks)
    engine.r.config_resetstat()
    assert engine.reclaim("d2") == 0
    assert sum(stats["calls"] for stats in engine.r.info("commandstats").values()) < 60, "not one for each"


def test_rule_6_after_an_outage_of_redis_only_what_the_gone_held_is_reclaimed(engine):
    engine.submit()
    engine.submit()
    engine.alive("d1")
    held = engine.take("d1", inspect=1)
    (orphan,) = engine.take("gone", inspect=1)
    engine.age(60001, *held, orphan)
    assert engine.reclaim("d2", lease=60000, mode="gone", types=["inspect"]) == 1
    (task,) = engine.take("d2", inspect=2)
    assert task.entry == orphan.entry


# ---- rule 7: adoption ------------------------------------------------------------------------------------------------

def test_rule_7_a_running_task_survives_its_dispatchers_death(engine):
    job = engine.submit()
    held = engine.take("d1", inspect=1)
    assert engine.named("adopt", held, me="d2") == [1]
    assert engine.named("renew", held, me="d1") == [2]
    assert engine.named("renew", held, me="d2") == [1]
    assert engine.commit(*held) == [1], "same delivery, undisturbed"
    assert engine.job(job)["d:inspect"] == "1"


def test_rule_7_who_holds_it_no_more_cannot_call_it_lost(engine):
    """The way between a worker and its dispatcher is cut: the worker is well, and at work for another."""
    job = engine.submit()
    (task,) = engine.take("cut off", inspect=1)
    assert engine.named("adopt", [task], me="d2") == [1]
    assert engine.defer(task, "lost", me="cut off") == 2
    assert engine.commit(task) == [1] and engine.job(job)["d:inspect"] == "1"
    engine.submit()
    (task,) = engine.take("frozen", inspect=1)
    engine.reclaim("d2", lease=0)
    assert engine.defer(task, "lost", me="frozen") == 2
    (again,) = engine.take("d2", inspect=1)
    assert (again.job, again.losses) == (task.job, 0)
    assert engine.defer(again, "lost", me="d2") == 1


def test_rule_7_what_was_given_to_another_meanwhile_is_not_adopted(engine):
    engine.submit()
    held = engine.take("d1", inspect=1)
    engine.reclaim("d2", lease=0)
    engine.take("d2", inspect=1)
    assert engine.named("adopt", held, me="d3") == [2]


def test_rule_7_what_waits_in_returned_is_adopted_and_not_given_out_twice(engine):
    engine.submit()
    held = engine.take("d1", inspect=1)
    engine.reclaim("d2", lease=0)
    assert engine.named("adopt", held, me="d2") == [1]
    assert engine.take("d2", inspect=1) == []


# ---- rule 8: streams are not edited ---------------------------------------------------------------------------------------

def test_rule_8_cancel_leaves_the_stream_alone_and_take_drops_the_rest(engine):
    job = engine.submit()
    assert engine.run("cancel", job, OTHER) == "unknown"
    assert engine.run("cancel", job, OWNER) == "ok"
    assert engine.r.xlen(SHARD + "tasks:inspect") == 1
    assert engine.take() == []
    assert engine.r.xlen(SHARD + "tasks:inspect") == 0
    assert engine.run("cancel", job, OWNER) == "state"


def test_a_retry_does_not_wait_for_as_long_as_the_clock_was_set_back(engine):
    engine.enqueue(files=2, first=["inspect"])
    before, after = engine.take(inspect=2)
    engine.defer(before, "retry", after_ms=2000)
    ((member, due),) = engine.r.zrange(SHARD + "later", 0, -1, withscores=True)
    engine.r.delete(SHARD + "later")
    words = member.split(" ")
    engine.r.zadd(SHARD + "later", {" ".join([*words[:-1], str(int(words[-1]) + 3600_000)]): due + 3600_000})
    engine.defer(after, "retry", after_ms=600_000)
    assert 0 < engine.promote() <= 600_000
    (again,) = engine.take(inspect=2)
    assert (again.job, again.attempt, again.delivery) == (before.job, 2, 1)
    assert engine.commit(again) == [1]


def test_rule_8_a_waiting_retry_of_an_ended_job_is_dropped_by_promote(engine):
    job = engine.submit()
    (task,) = engine.take(inspect=1)
    engine.defer(task, "retry")
    engine.run("cancel", job, OWNER)
    engine.promote()
    assert engine.take(inspect=1) == []
    assert engine.r.zcard(SHARD + "later") == 0


def test_rule_8_reap_forgets_only_dispatchers_with_nothing_pending(engine):
    engine.enqueue(files=1)
    engine.take("busy", inspect=1)
    engine.take("idle", inspect=1)
    engine.reap()
    names = {c["name"] for c in engine.r.xinfo_consumers(SHARD + "tasks:inspect", "dispatchers")}
    assert "busy" in names, "DELCONSUMER would have dropped its task"


# ---- rule 9: batches ------------------------------------------------------------------------------------------------------------

def test_rule_9_enqueue_may_be_repeated_and_opens_each_job_once(engine):
    ids, batch = [engine.new_id(), engine.new_id()], engine.new_id()
    digests = ["a" * 64, "b" * 64]
    first = engine.enqueue(ids=ids, batch=batch, new_batch=True, digests=digests)
    again = engine.enqueue(ids=ids, batch=batch, new_batch=True, digests=digests)
    assert first == again
    assert engine.batch(batch)["jobs"] == "2"
    assert len(engine.take(inspect=10)) == 2


def test_rule_9_a_batch_ends_once_when_sealed_and_all_its_jobs_are_terminal(server):
    server.client.flushall()
    engine = Engine(server.client, notify="batch")
    answer = engine.enqueue(files=2, seal=False)["answer"]
    batch = answer["batch_id"]
    for task in engine.take():
        engine.commit(task, fan=0)
    assert engine.batch(batch)["finished"] == "2" and engine.batch(batch)["ended"] == "0"
    assert engine.run("batch", "close", batch, OTHER) == "unknown"
    assert engine.run("batch", "close", batch, OWNER) == "ok"
    ended = engine.batch(batch)["ended"]
    assert ended != "0"
    (notice,) = engine.take()
    assert notice.type == "notify" and json.loads(notice.needs[0])["finished"] == 2
    assert notice.run == ended + "000", "a run is a moment in µs, and the news is dated by it"
    assert engine.defer(notice, "refused", code="provider_refused") == 3
    assert engine.run("admin", "kick", "notify", batch, 1) == "ok"
    (again,) = engine.take()
    assert again.run == notice.run, "the same news, so that nobody gets it twice"
    assert engine.commit(again) == [1]
    assert engine.run("rerun", answer["job_ids"][0]["job_id"], OWNER, "inspect") == "ok"
    for task in engine.take():
        engine.commit(task, fan=0)
    assert engine.batch(batch)["ended"] == ended, "not announced again"
    assert engine.take() == []


def test_rule_9_a_batch_closes_itself_by_its_expected_number_and_by_silence(engine):
    batch = engine.new_id()
    assert engine.run("batch", "open", batch, OWNER, 2) == "ok"
    for _ in range(2):
        assert "answer" in engine.enqueue(batch=batch, seal=False)
    assert engine.enqueue(batch=batch, seal=False) == {"error": "closed_batch"}
    silent = engine.new_id()
    engine.run("batch", "open", silent, OWNER, 0)
    engine.reap(idle=600000)
    assert engine.batch(silent)["sealed"] == "0"
    time.sleep(0.01)
    engine.reap(idle=5)
    assert engine.batch(silent)["sealed"] == "1"


def test_rule_9_the_same_key_answers_again_and_other_bytes_conflict(engine):
    first = engine.enqueue(key="k", digests=["a" * 64])
    again = engine.enqueue(key="k", digests=["a" * 64])
    assert again["replay"] and again["answer"] == first["answer"]
    assert engine.enqueue(key="k", digests=["b" * 64]) == {"error": "conflict"}
    assert not engine.enqueue(key="k", digests=["b" * 64], owner=OTHER).get("replay")


def test_rule_9_a_call_that_is_repeated_after_a_lost_answer_is_no_replay_of_another(engine):
    ids, batch = [engine.new_id()], engine.new_id()
    first = engine.enqueue(ids=ids, batch=batch, new_batch=True, digests=["a" * 64], key="k")
    assert engine.enqueue(ids=ids, batch=batch, new_batch=True, digests=["a" * 64], key="k") == first
    assert first["replay"] is False, "or the gateway would drop the blobs of its own jobs"


def test_rule_9_a_foreign_batch_is_unknown(engine):
    batch = engine.enqueue(seal=False)["answer"]["batch_id"]
    assert engine.enqueue(batch=batch, owner=OTHER) == {"error": "unknown_batch"}


# ---- rule 10: blobs -----------------------------------------------------------------------------------------------------------------

def test_rule_10_the_upload_may_go_only_after_the_job_has_ended_and_a_rerun_fetches_it(engine):
    job = engine.submit()
    assert engine.reap() == []
    engine.finish(job)
    engine.r.zadd(SHARD + "sweep", {f"{job} upload": 1})
    assert engine.reap() == [f"{job} upload"]
    assert engine.reap(done=[f"{job} upload"]) == []
    assert engine.run("rerun", job, OWNER, "inspect") == "ok"
    (fetch,) = engine.take(fetch=9, inspect=9, page=9)
    assert fetch.type == "fetch"
    engine.commit(fetch)
    assert [t.type for t in engine.take(inspect=9)] == ["inspect"]


def test_rule_10_what_could_not_be_removed_is_due_again_later_and_keeps_nobody_waiting(engine):
    members = [f"{engine.new_id()} upload" for _ in range(150)]
    engine.r.zadd(SHARD + "sweep", {m: n + 1 for n, m in enumerate(members)})
    assert engine.reap() == members[:100]
    assert engine.reap(done=[m + " later" for m in members[:100]]) == members[100:]
    assert engine.reap(done=members[100:]) == []
    now = engine.r.time()[0] * 1000
    assert {m for m, due in engine.r.zrange(SHARD + "sweep", 0, -1, withscores=True) if due > now} == set(members[:100])
    engine.r.zadd(SHARD + "sweep", {members[0]: now * 2})
    engine.reap(done=[members[0] + " later"])
    assert engine.r.zscore(SHARD + "sweep", members[0]) == now * 2, "what has been given another time meanwhile keeps it"


def test_rule_10_what_is_named_to_one_sweeper_is_its_own_for_half_a_minute(engine):
    members = [f"{engine.new_id()} upload" for _ in range(150)]
    engine.r.zadd(SHARD + "sweep", {m: n + 1 for n, m in enumerate(members)})
    assert [engine.reap(), engine.reap(), engine.reap()] == [members[:100], members[100:], []], "of several each has others"
    assert engine.reap(done=members[100:]) == []
    half_a_minute = engine.now_ms() + 30000
    assert all(due <= half_a_minute for _, due in engine.r.zrange(SHARD + "sweep", 0, -1, withscores=True)), "it may die before it is through"
    engine.r.zadd(SHARD + "sweep", {m: n + 1 for n, m in enumerate(members[:100])})
    assert engine.reap(most=0) == [] and engine.reap() == members[:100], "who only tells is told nothing"


def test_rule_10_what_is_run_again_while_its_upload_is_being_dropped_fetches_it_after_that(engine):
    job = engine.submit()
    engine.finish(job)
    engine.r.zadd(SHARD + "sweep", {f"{job} upload": 1})
    assert engine.reap() == [f"{job} upload"]
    assert engine.run("rerun", job, OWNER, "inspect") == "ok"
    assert engine.reap(done=[f"{job} upload"]) == []
    assert engine.take(fetch=9, inspect=9) == [], "a fetch that finds the blob still there would do nothing"
    (later,) = engine.r.zrange(SHARD + "later", 0, -1)
    engine.r.zadd(SHARD + "later", {later: 1})
    engine.promote()
    (fetch,) = engine.take(fetch=9, inspect=9)
    assert fetch.type == "fetch"
    engine.commit(fetch)
    engine.finish(job)
    assert engine.job(job)["state"] == "finished" and engine.job(job)["open"] == "0"


def test_rule_10_a_failed_job_whose_blobs_went_with_its_time_fetches_its_document(engine):
    job = engine.submit()
    store, inspect = sorted(engine.take(), key=lambda t: t.type != "store")
    engine.commit(store)
    assert engine.defer(inspect, "refused") == 3
    engine.r.zadd(SHARD + "sweep", {f"{job} all": 1})
    assert engine.reap(done=engine.reap()) == []
    assert engine.run("rerun", job, OWNER, "") == "ok"
    assert [t.type for t in engine.take(fetch=9, inspect=9)] == ["fetch"]


@pytest.mark.parametrize("removed", [True, False], ids=["removed", "being removed"])
def test_rule_10_what_is_run_again_when_its_time_is_over_is_read_again(engine, removed):
    """The stages before would have nothing to hand on: pages and entries went with the job's time, and it is known for an hour yet."""
    job = engine.submit()
    engine.finish(job, pages=2)
    engine.r.zadd(SHARD + "sweep", {f"{job} upload": 1})
    engine.reap(done=engine.reap())
    engine.r.zadd(SHARD + "sweep", {f"{job} all": 1})
    engine.reap(done=engine.reap() if removed else engine.reap() and [])
    assert engine.run("rerun", job, OWNER, "split") == "ok"
    if not removed:
        (later,) = engine.r.zrange(SHARD + "later", 0, -1)
        engine.r.zadd(SHARD + "later", {later: 1})
        engine.promote()
    opened = []
    while tasks := engine.take(fetch=9, inspect=9, page=9, split=9, extract=9, save=9):
        opened += [t.type for t in tasks]
        engine.commit(*tasks, fan=lambda t: 2 if t.type == "inspect" else 1)
    assert opened == ["fetch", "inspect", "page", "page", "split", "extract", "save"]
    assert engine.job(job)["state"] == "finished"
    assert engine.run("rerun", job, OWNER, "split") == "ok"
    assert [t.type for t in engine.take()] == ["split"], "once"


@pytest.mark.parametrize("failed_at, again", [("store", ["inspect", "store"]), ("page", ["inspect"])])
def test_rule_10_what_is_kicked_when_its_time_is_over_is_read_again(engine, failed_at, again):
    job = engine.submit()
    inspect, store = sorted(engine.take(), key=lambda t: t.type)
    engine.commit(inspect)
    (page,) = engine.take()
    if failed_at == "page":
        engine.commit(store)
    assert engine.defer({"store": store, "page": page}[failed_at], "refused") == 3
    engine.r.zadd(SHARD + "sweep", {f"{job} all": 1})
    engine.reap(done=engine.reap())
    assert engine.run("rerun", job, OWNER, "") == "ok"
    engine.commit(*engine.take(fetch=9))
    assert sorted(t.type for t in engine.take()) == again


def test_a_job_is_on_its_owners_list_until_its_time_is_over_and_again_when_it_is_rerun(engine):
    job, owned = engine.submit(), f"{SHARD}owned:{OWNER}"
    engine.reap(done=[f"{job} all"])
    assert engine.r.zrange(owned, 0, -1) == [job], "its time is not over"
    engine.finish(job)
    engine.r.zadd(SHARD + "sweep", {f"{job} all": 1})
    engine.reap(done=[f"{job} all"])
    assert engine.r.zrange(owned, 0, -1) == []
    assert engine.run("rerun", job, OWNER, "inspect") == "ok"
    assert engine.r.zrange(owned, 0, -1) == [job]


def test_what_ended_how_is_counted_by_type(engine):
    engine.finish(engine.submit())
    totals = engine.r.hgetall(SHARD + "totals")
    assert {k: totals[k] for k in ("done:store", "done:inspect", "done:save")} == {"done:store": "1", "done:inspect": "1", "done:save": "1"}
    engine.submit()
    (task,) = engine.take(inspect=1)
    engine.defer(task, "refused", code="damaged", text="It cannot be read.")
    assert engine.r.hget(SHARD + "totals", "buried:inspect") == "1"


def test_a_paused_type_is_not_taken_until_it_is_resumed(engine):
    engine.submit()
    assert engine.run("admin", "pause", "inspect") == "ok"
    assert [t.type for t in engine.take(inspect=9, store=9)] == ["store"]
    assert engine.run("admin", "resume", "inspect") == "ok"
    assert [t.type for t in engine.take(inspect=9)] == ["inspect"]


def test_rule_10_a_rerun_takes_the_blobs_off_the_list(engine):
    job = engine.submit()
    engine.finish(job)
    assert engine.r.zcard(SHARD + "sweep") == 2
    engine.run("rerun", job, OWNER, "split")
    assert engine.r.zcard(SHARD + "sweep") == 0


# ---- rule 11: events ---------------------------------------------------------------------------------------------------------------------

def test_rule_11_every_change_raises_seq_in_the_same_step_and_says_so(engine):
    listener = engine.r.pubsub()
    listener.subscribe("sheaf:events")
    assert listener.get_message(timeout=20)["type"] == "subscribe"
    job = engine.submit()
    seen = 0
    for _ in range(20):
        for task in engine.take():
            engine.commit(task)
        while seen < int(engine.job(job)["seq"]):
            message = listener.get_message(timeout=20)
            assert message, "each change is said"
            for line in message["data"].split("\n"):
                words = line.split(" ")
                if words[0] == "j":
                    assert int(words[2]) == seen + 1, "no gap, no repetition"
                    seen += 1
        if engine.job(job)["state"] == "finished":
            break
    assert engine.job(job)["seq"] == str(seen) and listener.get_message(timeout=0.05) is None
    listener.close()


# ---- rule 12 and 13: TTLs, losses ------------------------------------------------------------------------------------------------------------

def test_rule_12_nothing_of_an_unfinished_job_carries_a_ttl(engine):
    engine.enqueue(files=70)
    engine.defer(engine.take(inspect=1)[0], "retry", after_ms=60000)
    for key in engine.r.keys("*"):
        if ":doc:" not in key and ":idem:" not in key:
            assert engine.r.pttl(key) == -1, key


def test_rule_13_a_job_whose_record_was_lost_in_a_failover_is_dropped_not_resurrected(engine):
    job = engine.submit()
    engine.r.delete(SHARD + "job:" + job)
    assert engine.take() == []
    assert engine.r.xlen(SHARD + "tasks:inspect") == 0


# ---- outcomes (DESIGN, section 3) ---------------------------------------------------------------------------------------------------------------

def test_retry_spends_attempts_and_is_buried_with_its_reason(engine):
    job = engine.submit()
    for attempt in (1, 2):
        (task,) = engine.take(inspect=1)
        assert task.attempt == attempt
        assert engine.defer(task, "retry", most=3) == 1
        engine.promote()
    (task,) = engine.take(inspect=1)
    assert engine.defer(task, "retry", most=3, code="timeout", text="It took too long.") == 3
    assert engine.job(job)["state"] == "failed"
    assert json.loads(engine.job(job)["err"]) == {"code": "timeout", "text": "It took too long.", "stage": "inspect", "index": 0}


def test_three_losses_bury_as_poison_and_other_jobs_go_on(engine):
    bad, good = engine.submit(), engine.submit()
    for _ in range(3):
        task = next(t for t in engine.take(inspect=2) if t.job == bad)
        answer = engine.defer(task, "lost", text="It ended its worker 3 times.")
    assert answer == 3
    assert json.loads(engine.job(bad)["err"])["code"] == "poison"
    engine.reclaim(lease=0)
    engine.finish(good)
    assert engine.job(good)["state"] == "finished"


def test_a_lost_task_keeps_counting_its_deliveries(engine):
    engine.submit()
    (task,) = engine.take(inspect=1)
    engine.defer(task, "lost")
    (again,) = engine.take(inspect=1)
    assert (again.attempt, again.losses, again.delivery) == (1, 1, 2)


def test_twenty_redeliveries_are_the_backstop(engine):
    job = engine.submit()
    for _ in range(20):
        task = engine.take(inspect=1)
        engine.named("give_back", task)
    assert engine.take(inspect=1) == []
    assert json.loads(engine.job(job)["err"])["code"] == "poison"


def test_the_jobs_time_counts_only_what_is_in_flight(engine):
    job = engine.submit()

    def in_hand(seconds):
        """How long it was in somebody's hands by Redis's clock, at most."""
        began = engine.now_ms()
        (task,) = engine.take(inspect=1)
        time.sleep(seconds)
        engine.named("give_back", [task])
        return engine.now_ms() - began + 1
    time.sleep(0.15)  # waiting
    most = in_hand(0)
    assert int(engine.job(job)["busy"]) <= most
    most += in_hand(0.15)
    assert 150 <= int(engine.job(job)["busy"]) <= most
    assert engine.take(limit_ms=50, inspect=1) == []
    assert json.loads(engine.job(job)["err"])["code"] == "timeout"


def stood_still(engine, job, *tasks, ms=7200_000):
    """As if the machine had been off, or asleep, for so long with these in hand."""
    engine.age(ms, *tasks)
    state = engine.r.hget(f"{SHARD}job:{job}", "state").split("\0")
    state[5] = str(int(state[5]) - ms)
    engine.r.hset(f"{SHARD}job:{job}", "state", "\0".join(state))


def test_the_time_that_a_machine_was_off_is_not_the_jobs(engine):
    job = engine.submit()
    tasks = engine.take("before")
    stood_still(engine, job, *tasks)
    assert engine.reclaim("after") == len(tasks) == 2
    assert len(engine.take("after", limit_ms=3600_000)) == 2 and engine.job(job)["state"] == "started"
    assert int(engine.job(job)["busy"]) < 60_000


def test_the_time_that_a_machine_slept_is_not_the_jobs(engine):
    job = engine.submit()
    tasks = engine.take()
    stood_still(engine, job, *tasks)
    assert engine.named("renew", tasks) == [1, 1]
    engine.commit(*tasks)
    assert int(engine.job(job)["busy"]) < 60_000
    (page,) = engine.take(limit_ms=3600_000)
    stood_still(engine, job, page)
    assert engine.named("adopt", [page], me="d2") == [1]
    engine.commit(page)
    assert int(engine.job(job)["busy"]) < 60_000


@pytest.mark.parametrize("end", ["done", "retry", "give_back"])
def test_the_time_that_a_machine_slept_is_not_the_jobs_when_what_it_says_first_is_an_end(engine, end):
    job = engine.submit()
    tasks = engine.take()
    stood_still(engine, job, *tasks)
    if end == "done":
        engine.commit(*tasks)
    for task in tasks if end == "retry" else []:
        engine.defer(task, "retry")
    if end == "give_back":
        engine.named("give_back", tasks)
    assert int(engine.job(job)["busy"]) < 60_000
    engine.promote()
    assert engine.take(limit_ms=3600_000) != [] and engine.job(job)["state"] == "started"


def test_the_time_that_a_machine_slept_is_not_the_jobs_when_it_is_given_more_first(engine):
    job = engine.submit()
    (inspect,) = engine.take(inspect=1)
    stood_still(engine, job, inspect)
    (store,) = engine.take(limit_ms=3600_000, store=1)
    assert engine.commit(inspect, store) == [1, 1]
    assert int(engine.job(job)["busy"]) < 60_000


def test_a_job_that_was_worked_on_for_all_of_its_time_is_late(engine):
    job = engine.submit()
    (inspect,) = engine.take(inspect=1)
    stood_still(engine, job, inspect)
    engine.age(0, inspect)  # renewed all the time
    assert engine.take(limit_ms=3600_000, store=1) == []
    assert json.loads(engine.job(job)["err"])["code"] == "timeout"


def test_a_kick_opens_what_was_not_done_and_keeps_what_was(engine):
    job = engine.submit()
    store, inspect = sorted(engine.take(), key=lambda t: t.type, reverse=True)
    engine.commit(store)
    engine.commit(inspect, fan=3)
    a, b, c = engine.take(page=3)
    engine.commit(a)
    assert engine.defer(b, "refused", code="damaged", text="Page 2 is damaged.") == 3
    assert engine.run("rerun", job, OWNER, "") == "ok"
    assert engine.r.zcard(SHARD + "dead") == 0
    again = engine.take()
    assert sorted(t.index for t in again) == [1, 2]
    engine.commit(*again)
    (split,) = engine.take()
    assert split.needs[0].split(" ")[0] == a.token
    engine.commit(split)
    engine.finish(job)
    assert engine.job(job)["state"] == "finished"


def test_a_rerun_from_a_stage_does_it_and_what_follows_again(engine):
    job = engine.submit()
    engine.finish(job, pages=2, entries=3)
    old = engine.job(job)
    assert engine.run("rerun", job, OWNER, "") == "state", "nothing to kick"
    assert engine.run("rerun", job, OWNER, "nonsense") == "state"
    assert engine.run("rerun", job, OWNER, "split") == "ok"
    tasks = engine.take()
    assert [t.type for t in tasks] == ["split"]
    engine.commit(*tasks, fan=2)
    engine.finish(job, entries=2)
    new = engine.job(job)
    assert new["state"] == "finished" and int(new["run"]) > int(old["run"])
    assert new["out:page:1"] == old["out:page:1"]
    assert new["n:save"] == "2" and "out:save:2" not in new


def test_a_rerun_takes_the_buried_message_of_its_earlier_end_off_the_list(server):
    """Kicked while the new run is under way it would tell of an end that has not come, and the one that comes would be told to nobody."""
    server.client.flushall()
    engine = Engine(server.client, notify="job")
    job = engine.submit()
    while (tasks := engine.take())[0].type != "notify":
        engine.commit(*tasks)
    assert engine.defer(tasks[0], "refused", code="provider_refused") == 3
    assert engine.run("rerun", job, OWNER, "inspect") == "ok"
    assert engine.r.zcard(SHARD + "dead") == 0 and engine.r.hlen(SHARD + "deadwhy") == 0
    assert engine.run("admin", "kick", "notify", job, "0") == "unknown"
    assert [t.type for t in engine.take()] == ["inspect"]


def test_a_paused_stage_is_not_taken(engine):
    engine.submit()
    engine.r.sadd(SHARD + "paused", "inspect")
    assert [t.type for t in engine.take()] == ["store"]


def test_a_fan_out_of_two_hundred_pages_joins_once(engine):
    job = engine.submit()
    engine.commit(*engine.take(inspect=1), fan=200)
    done = 0
    while pages := engine.take(page=50):
        engine.commit(*pages)
        done += len(pages)
    assert done == 200
    assert [t.type for t in engine.take(split=5)] == ["split"]
    assert engine.job(job)["n:split"] == "1"


def test_the_scripts_in_the_binaries_are_these(engine):
    """Every script says in its header what it promises."""
    for path in sorted((__import__("engine").LUA).glob("*.lua")):
        head = path.read_text()
        assert head.startswith(f"-- {path.stem}: "), path.name
        assert path.stem in PARTS or "Promises" in head, path.name


def test_what_a_script_keeps_between_calls_is_code_only(engine):
    """Functions are made once (serve.lua); after a call that failed half way the next one begins with empty hands all the same."""
    job = engine.submit()
    engine.r.delete(SHARD + "totals")
    engine.r.set(SHARD + "totals", "no hash")  # a call that counts fails at its very end
    (task,) = engine.take(inspect=1)
    with pytest.raises(redis.exceptions.ResponseError):
        engine.commit(task, fan=7)
    engine.r.delete(SHARD + "totals")
    other = engine.submit()
    assert engine.commit(*engine.take(inspect=1), fan=2) == [1]
    assert (engine.job(other)["n:page"], engine.batch(engine.job(other)["batch"])["started"]) == ("2", "1")
    assert engine.r.hgetall(SHARD + "totals") == {"done:inspect": "1"}, "nothing of the call before"
    assert engine.job(job)["n:page"] == "7"


def raw_abouts(engine, done, told):
    """What a turn says of the jobs whose pages it hands out."""
    heard = []
    run, engine.run = engine.run, lambda *argv: heard.append(run(*argv)) or heard[-1]
    try:
        tasks = engine.turn(done, {"page": 8}, fan=2, told=told)[1]
    finally:
        engine.run = run
    lists = heard[0][1]
    return tasks, [words[at + 3] for words in lists for at in range(2, len(words), words[1])]


def test_what_all_tasks_of_a_job_are_told_is_left_out_only_for_who_knows_it(engine):
    jobs = [engine.submit(first=("inspect",)) for _ in range(4)]
    first = engine.take(inspect=4)
    tasks, abouts = raw_abouts(engine, first[:2], told=True)
    assert sorted(t.job for t in tasks) == sorted(2 * jobs[:2]) and abouts == [""] * 4
    tasks, abouts = raw_abouts(engine, first[2:3], told=False)
    assert [t.job for t in tasks] == 2 * jobs[2:3] and all(json.loads(a)["name"] == "0.pdf" for a in abouts)
    # A call that takes what another one opened knows nothing.
    engine.turn(first[3:], fan=2)
    assert [t.about["name"] for t in engine.take(page=8)] == ["0.pdf"] * 2
    mixed = engine.turn(tasks[:1], fan=1)[0] + engine.turn(tasks[1:], {"split": 1}, told=False)[0]
    assert mixed == [1, 1]


def test_tables_that_calls_keep_carry_nothing_over(engine):
    """More jobs in a call than tables are kept for, then one: each is written with its own fields only."""
    engine.take(inspect=1, window=400)
    many = [t for _ in range(3) for t in (engine.enqueue(files=100, first=("inspect",)), engine.take(inspect=100, window=400))[1]]
    assert len(many) == 300 and set(engine.commit(*many, fan=0)) == {1}
    one = engine.submit(first=("inspect",))
    engine.commit(*engine.take(inspect=1), fan=3)
    for t in many:
        assert (engine.job(t.job)["state"], engine.job(t.job)["d:inspect"]) == ("finished", "1")
    fields = engine.job(one)
    assert (fields["state"], fields["n:page"], fields["res:inspect:0"]) == ("started", "3", '{"fan": 3}')
