"""Redis is cut off, hangs, is slow, dies, is full, is replaced; dispatchers freeze. A real dispatcher behind a relay, scripted workers."""
import signal
import time

import pytest
import redis

from engine import SHARD, Engine, Server
from relay import Relay
from stack import Stack, http, wait_for
from wire import ACCEPTED, RETRY, SUPERSEDED, Message, Worker

ALL = {t: 8 for t in ("store", "inspect", "page", "split", "extract", "save", "notify")}


class World(Stack):
    """Redis, and a dispatcher that reaches it through `relay`."""

    def __init__(self, **more):
        super().__init__(SHEAF_NOTIFY_WHEN="never", SHEAF_LEASE="2s", **more)
        self.workers = []

    def __enter__(self):
        super().__enter__()
        self.relay = Relay(self.redis_socket)
        self.start("dispatcher", REDIS_URL=self.relay.redis_url)
        self.wait_ready("dispatcher")
        self.engine = Engine.on(self.redis)
        return self

    def __exit__(self, *why):
        for w in self.workers:
            w.close()
        self.relay.close()
        super().__exit__(*why)

    def worker(self, endpoint=None, **rooms):
        w = Worker(endpoint or self.dispatcher_endpoint, **rooms)
        self.workers.append(w)
        assert w.hello() is not None
        return w

    def answers(self, path):
        return http("GET", f"http://127.0.0.1:{self.base + 2}{path}", timeout=20)[0]

    def job(self, id):
        return self.engine.job(id)


@pytest.fixture(scope="module")
def shared():
    with World() as w:
        yield w


@pytest.fixture
def world(shared):
    for w in shared.workers:
        w.leave()
    shared.workers.clear()
    shared.relay.accept(), shared.relay.release(), shared.relay.fast()
    wait_for(lambda: shared.is_ready("dispatcher"), what="a dispatcher that is well")
    wait_for(lambda: shared.metric("dispatcher", "sheaf_workers") == 0, what="the last worker's end")
    for key in shared.redis.scan_iter(SHARD + "*"):
        if not key.endswith("policy"):
            shared.redis.delete(key)
    return shared


# ---- lost replies -------------------------------------------------------------------------------------------------

def test_a_take_whose_reply_was_cut_off_is_delivered_again_and_costs_nothing(world):
    w = world.worker(inspect=1)
    trap = world.relay.cut_reply_to(world.engine.digest("turn"))
    job = world.engine.submit()
    assert trap.wait(60)
    task = w.get("TASK")
    assert task.job_id == job and task.token[1] == 1
    w.result(task)
    assert w.get("RESULT_ACK").status == ACCEPTED
    assert world.job(job)["d:inspect"] == "1"


def test_a_commit_whose_reply_was_cut_off_counts_once_and_is_acknowledged(world):
    w = world.worker(inspect=1)
    job = world.engine.submit()
    task = w.get("TASK")
    trap = world.relay.cut_reply_to(world.engine.digest("turn"))
    w.result(task, body={"fan": 3})
    assert trap.wait(60)
    assert w.get("RESULT_ACK").status == ACCEPTED
    assert (world.job(job)["d:inspect"], world.job(job)["n:page"]) == ("1", "3")
    assert world.redis.xlen(SHARD + "tasks:page") == 3


def test_a_retry_whose_reply_was_cut_off_spends_one_attempt(world):
    w = world.worker(inspect=1)
    job = world.engine.submit()
    trap = world.relay.cut_reply_to(world.engine.digest("defer"))
    w.result(w.get("TASK"), RETRY, {"text": "it did not answer"})
    assert trap.wait(60)
    again = w.get("TASK")
    assert again.job_id == job and again.token[1:] == (2, 1)
    assert world.redis.zcard(SHARD + "later") == 0


# ---- a Redis that is there and is not ----------------------------------------------------------------------------------

def test_a_redis_that_hangs_stops_nothing_and_the_loop_turns_again(world):
    w = world.worker(inspect=1)
    job = world.engine.submit()
    task = w.get("TASK")
    world.relay.hold()
    w.result(task)
    wait_for(lambda: world.answers("/readyz") == 503, 60, "a dispatcher that says so")
    assert world.answers("/livez") == 200, "its loop turns: nobody should restart it"
    assert w.get("RESULT_ACK", timeout=1) is None
    world.relay.cut()
    world.relay.release()
    assert w.get("RESULT_ACK").status == ACCEPTED
    assert world.answers("/readyz") == 200 and world.job(job)["d:inspect"] == "1"
    w.hello()  # it was told to take its room elsewhere, and then asked who it is
    second = world.engine.submit()
    assert w.get("TASK").job_id == second, "progress, not only a connection"


def test_a_slow_redis_is_only_slow(world):
    w = world.worker(**ALL)
    world.relay.slow(delay_s=0.1)
    jobs = [row["job_id"] for row in world.engine.enqueue(files=3)["answer"]["job_ids"]]
    tasks = w.work(18, timeout=90)
    assert all(t.token[1:] == (1, 1) for t in tasks), tasks
    wait_for(lambda: all(world.job(j)["state"] == "finished" for j in jobs), what="three jobs")


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_half_closed_connection_is_given_up_and_replaced(world, side):
    w = world.worker(inspect=2)
    world.engine.submit()
    task = w.get("TASK")
    before = world.relay.connections
    world.relay.half_close(side)
    w.result(task)
    assert w.get("RESULT_ACK").status == ACCEPTED
    world.engine.submit()
    assert w.get("TASK") is not None
    assert world.relay.connections > before


def test_scripts_that_redis_has_forgotten_are_loaded_again_unseen(world):
    w = world.worker(**ALL)
    for _ in range(5):
        world.redis.script_flush()
        job = world.engine.submit()
        assert len(w.work(6)) == 6
        wait_for(lambda: world.job(job)["state"] == "finished", what="the job")


def test_a_worker_that_was_told_to_go_elsewhere_is_asked_until_it_answers(world):
    w = world.worker(inspect=1)
    world.relay.refuse(), world.relay.cut()
    assert w.get("DRAIN") is not None
    world.relay.accept()
    assert w.get("WHO") is not None
    assert w.get("WHO") is not None, "the first may be lost with its connection"
    w.hello()
    world.engine.submit()
    assert w.get("TASK") is not None


# ---- frozen and thawed -----------------------------------------------------------------------------------------------

def test_a_dispatcher_thawed_after_reclaim_changes_nothing(world):
    endpoint = f"tcp://127.0.0.1:{world.base + 21}"
    frozen = world.start("dispatcher", "frozen", SHEAF_DISPATCHER_BIND=endpoint)
    wait_for(lambda: "redis_up" in world.log("frozen"), what="the second dispatcher")
    theirs = world.worker(endpoint, inspect=1)
    job = world.engine.submit()
    old = theirs.get("TASK")
    frozen.signal(signal.SIGSTOP)
    ours = world.worker(inspect=1)
    new = ours.get("TASK")
    assert new.job_id == job and new.token[1:] == (1, 2), "no attempt, no loss: nobody knows that the document did it"
    theirs.result(old, body={"fan": 7})
    frozen.signal(signal.SIGCONT)
    ack = theirs.get("RESULT_ACK", "CANCEL")
    assert ack.command == "CANCEL" or ack.status == SUPERSEDED
    assert ours.get("CANCEL", timeout=2.5) is None, "a renewal by the thawed one would have stolen it back"
    ours.result(new, body={"fan": 2})
    assert ours.get("RESULT_ACK").status == ACCEPTED
    assert world.job(job)["n:page"] == "2"
    frozen.kill()


def test_after_an_outage_who_is_back_first_leaves_to_the_others_what_they_hold():
    with Stack("dispatcher", SHEAF_NOTIFY_WHEN="never", SHEAF_LEASE="20s") as s:
        endpoint = f"tcp://127.0.0.1:{s.base + 21}"
        second = s.start("dispatcher", "second", SHEAF_DISPATCHER_BIND=endpoint)
        wait_for(lambda: "redis_up" in s.log("second"), what="the second dispatcher")
        w = Worker(endpoint, inspect=1)
        w.hello()
        Engine.on(s.redis).submit()
        task = w.get("TASK")
        key, entry = SHARD + "tasks:inspect", "%d-%d" % task.entry

        def held():
            w.beat(inspect=1)
            return s.redis.xpending_range(key, "dispatchers", entry, entry, 1)[0]
        for p in (s["dispatcher"], second):
            p.signal(signal.SIGSTOP)
        holder = held()["consumer"]
        s.redis.execute_command("XCLAIM", key, "dispatchers", holder, 0, entry, "IDLE", 60000, "RETRYCOUNT", 1, "JUSTID")  # away for so long
        s.kill_redis()
        assert w.get("CANCEL", timeout=6) is None  # it is time to look for what nobody renews
        s.start_redis()
        s["dispatcher"].signal(signal.SIGCONT)
        wait_for(lambda: s.log("dispatcher").count('"redis_up"') == 2, what="the first that is back")
        second.signal(signal.SIGCONT)
        wait_for(lambda: held()["time_since_delivered"] < 60000, what="a renewal")
        assert (held()["consumer"], held()["times_delivered"]) == (holder, 1)
        assert '"reclaimed"' not in s.log("dispatcher")
        w.close()


# ---- one bad item -----------------------------------------------------------------------------------------------------

def test_a_result_that_redis_cannot_take_in_leaves_the_others_of_its_call_alone(world):
    w = world.worker(inspect=3)
    jobs = [row["job_id"] for row in world.engine.enqueue(files=3)["answer"]["job_ids"]]
    tasks = [w.get("TASK") for _ in range(3)]
    world.redis.delete(SHARD + "job:" + jobs[1])
    world.redis.set(SHARD + "job:" + jobs[1], "not a hash at all")
    for task in tasks:
        w.result(task, body={"fan": 0})
    acks = {(ack := w.get("RESULT_ACK")).job_id: ack.status for _ in range(3)}
    assert acks == {jobs[0]: ACCEPTED, jobs[1]: SUPERSEDED, jobs[2]: ACCEPTED}
    assert world.job(jobs[0])["d:inspect"] == world.job(jobs[2])["d:inspect"] == "1"
    assert world.redis.xlen(SHARD + "tasks:inspect") == 0


# ---- memory ------------------------------------------------------------------------------------------------------------

def test_full_memory_in_the_middle_of_forty_pages_delays_them_and_loses_nothing():
    with World() as world:
        w = world.worker(**ALL)
        job = world.engine.submit()
        started = [w.get("TASK"), w.get("TASK")]
        inspect = next(t for t in started if t.type == "inspect")
        store = next(t for t in started if t.type == "store")
        w.result(inspect, body={"fan": 40})
        w.work(15)
        world.redis.config_set("maxmemory", 1)
        wait_for(lambda: "redis_full" in world.log("dispatcher"), what="a dispatcher that knows")
        with pytest.raises(redis.exceptions.RedisError):
            world.engine.submit()
        w.result(store)
        until = time.monotonic() + 60
        while world.job(job)["state"] != "finished" and time.monotonic() < until:
            w.work(1, timeout=1)
        fields = world.job(job)
        assert fields["state"] == "finished", fields
        assert (fields["n:page"], fields["d:page"], fields["n:split"]) == ("40", "40", "1")
        world.redis.config_set("maxmemory", 0)
        assert world.redis.zcard(SHARD + "dead") == 0


def test_a_dispatcher_that_starts_while_memory_is_full_is_seen_to_live():
    """Else what it holds is taken for a dead one's before each renewal, until the task is buried for having come so often."""
    with World() as world:
        wait_for(lambda: len(world.redis.keys("sheaf:dispatcher:*")) == 1, what="the first")
        world.redis.config_set("maxmemory", 1)
        world.start("dispatcher", "second", SHEAF_DISPATCHER_BIND=f"tcp://127.0.0.1:{world.base + 21}")
        wait_for(lambda: len(world.redis.keys("sheaf:dispatcher:*")) == 2, what="the second")
        assert world.redis.scard("sheaf:dispatchers") == 2


# ---- a Redis that dies ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_three_deaths_of_redis_during_long_pages_bury_nothing(fsync):
    with World(redis_options=("--appendfsync", fsync)) as world:
        w = world.worker(inspect=2, page=3)
        world.redis.config_set("appendfsync", "always")
        job = world.engine.submit()
        w.result(w.get("TASK"), body={"fan": 3})
        pages = []
        while len(pages) < 3:
            pages.append(w.get("TASK"))
        world.redis.config_set("appendfsync", fsync)
        for _ in range(3):
            accepted = world.engine.submit()
            world.kill_redis()
            w.get("CANCEL", timeout=1.5)  # it goes on working and saying that it lives
            world.start_redis()
            world.engine.r = world.redis
            wait_for(lambda: world.is_ready("dispatcher"), what="a dispatcher that is back")
            # everysec acknowledges up to two seconds before it writes; what is lost then is lost whole.
            state = world.job(accepted).get("state", "lost")
            assert state in ("queued", "started") if fsync == "always" else state in ("queued", "started", "lost")
            w.get("CANCEL", timeout=3)
        for page in pages:
            w.result(page)
        until = time.monotonic() + 90
        while world.job(job).get("d:page") != "3" and time.monotonic() < until:
            message = w.get("RESULT_ACK", "TASK", "WHO", timeout=1)
            if message is not None and message.command == "RESULT_ACK" and fsync == "always":
                assert message.status == ACCEPTED, message
            if message is not None and message.command == "TASK" and message.type == "page":
                assert fsync == "everysec" and message.token[1] == 1, message
                w.result(message)
        assert world.job(job)["d:page"] == "3" and world.redis.zcard(SHARD + "dead") == 0


def test_a_replica_promoted_by_hand_is_used_and_what_it_never_had_is_dropped():
    second = Server("--appendonly", "yes")
    try:
        with World(redis_options=("--repl-diskless-sync-delay", "0")) as world:
            w = world.worker(inspect=4)
            replica = second.client
            replica.config_set("replica-read-only", "yes")
            with Relay(world.redis_socket) as link:  # the replica's way to its master
                replica.replicaof("127.0.0.1", link.port)
                wait_for(lambda: replica.info("replication")["master_link_status"] == "up", 60, "a replica")
                known = world.engine.submit()
                task = w.get("TASK")
                assert world.redis.wait(1, 30000) == 1, "the replica has what was taken"
                link.refuse(), link.cut()
                lost = world.engine.submit()  # accepted by a master that dies before it could pass it on
                world.relay.target = second.socket
                world.relay.cut()
                wait_for(lambda: not world.is_ready("dispatcher") or world.relay.connections > 4, 30, "a reconnect")
                replica.replicaof("NO", "ONE")
            world.kill_redis()
            engine = Engine.on(replica)
            w.result(task)
            deadline = time.monotonic() + 60
            while engine.job(known).get("d:inspect") != "1" and time.monotonic() < deadline:
                message = w.get("TASK", "RESULT_ACK", timeout=1)
                if message is not None and message.command == "TASK" and message.job_id == known:
                    w.result(message)
            assert engine.job(known)["d:inspect"] == "1"
            assert engine.job(lost) == {}, "nothing is resurrected in silence"
            later = engine.submit()
            assert wait_for(lambda: engine.job(later)["state"] == "started", what="progress on the new master")
            world.start_redis()
    finally:
        second.stop()


def test_a_managed_redis_without_config_that_evicts_only_what_has_a_ttl_is_used_with_a_warning():
    with World(redis_options=("--rename-command", "CONFIG", "", "--maxmemory-policy", "volatile-lru", "--maxmemory", "100mb")) as world:
        w = world.worker(**ALL)
        world.engine.submit()
        assert len(w.work(6)) == 6
        assert "volatile-lru" in world.log("dispatcher")
        for key in world.redis.scan_iter("sheaf:*"):
            if ":job:" in key or ":tasks:" in key or ":wait:" in key:
                assert world.redis.ttl(key) == -1 or world.redis.hget(key, "state").startswith("finished\0")
