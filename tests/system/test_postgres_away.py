"""PostgreSQL away, full, read-only or cut off in the middle: everything waits, nothing is spent, each entry is one row."""
import signal
import time

import pytest

from documents import form
from postgres import PROGRAMS, Postgres
from relay import Relay
from stack import SLOW, Stack, wait_for

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed")
SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
QUICK = {"SHEAF_RECORDS": "postgres", "SHEAF_OCR": "null", "SHEAF_LLM": "null",
         "SHEAF_MAX_ATTEMPTS": 2}  # the first try and, half a second to a second later, the last
AWAY_S = 5 * SLOW
MANY = 99


@pytest.fixture(scope="module")
def db():
    with Postgres() as database:
        yield database


@pytest.fixture(autouse=True)
def empty(db):
    db.query("DROP SCHEMA public CASCADE", "CREATE SCHEMA public AUTHORIZATION sheaf", database="sheaf")


def upload(stack, first, n):
    status, answer = stack.upload(*((f"form{k}.pdf", form(k)) for k in range(first, first + n)))
    assert status == 202, answer
    return answer


def rows(db):
    return int(db.query("SELECT count(*) FROM submissions", database="sheaf")[0])


def check_rows(db, n):
    """One row each, one line of history each, and none was written by a second attempt."""
    found = db.query("SELECT count(*), count(DISTINCT (base_id, chunk_index)), max(attempt) FROM submissions", database="sheaf")
    assert found == [f"{n}|{n}|1"]
    assert db.query("SELECT count(*) FROM submission_history WHERE action = 'inserted'", database="sheaf") == [str(n)]


def provider(stack):
    status, answer = stack.get("/api/admin/providers")
    assert status == 200
    return next(p for p in answer["providers"] if p["provider"] == "postgres")


def stage_of(stack, name):
    (found,) = [x for x in stack.get("/api/admin/providers")[1]["stages"] if x["stage"] == name]
    return found


def refused_at_once(stack):
    """503 without a wait for the database; one of ten, as a busy machine may hold up any of them."""
    took = []
    for _ in range(10):
        began = time.monotonic()
        assert stack.get("/api/records")[0] == 503
        took.append(time.monotonic() - began)
        if took[-1] < 1:
            return
    raise AssertionError(took)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_an_outage_longer_than_all_attempts_spends_none_and_is_said(db, how):
    with Stack(*SIX, DATABASE_URL=db.url, **QUICK) as s:
        s.start("persist-svc", label="second", SHEAF_PORT=s.base + 60, SHEAF_DISPATCHERS=s.dispatcher_endpoint)
        before = upload(s, 0, MANY)
        wait_for(lambda: rows(db) > 3, 60, "the first rows")
        getattr(db, how)()
        try:
            during = upload(s, 100, 5)
            job = during["job_ids"][0]["job_id"]
            began = time.monotonic()
            wait_for(lambda: "PostgreSQL" in (s.get(f"/api/job_status/{job}")[1].get("status_message") or ""), 60, "the reason on the job's page")
            # A pause lasts some seconds, and the next one begins when somebody has tried again: each is looked at as a whole.
            paused = wait_for(lambda: (p := provider(s))["paused"] and p, 60, "the pause")
            assert "PostgreSQL" in paused["why"] and paused["stages"] == "save"
            wait_for(lambda: s.metric("persist-svc", 'sheaf_provider_paused_milliseconds{provider="postgres"}') > 0, 60, "the pause's metric")
            wait_for(lambda: "PostgreSQL" in (stage_of(s, "save")["waits_for"] or ""), 60, "the stage's reason")
            assert stage_of(s, "save")["via"] == ["postgres"]
            found = s.doctor()["records"]
            assert found["verdict"] == "wrong" and "PostgreSQL" in found["text"], found
            until = time.monotonic() + AWAY_S
            while time.monotonic() < until:
                refused_at_once(s)
                assert s.get(f"/api/batch_status?batch_id={before['batch_id']}")[1]["failed"] == 0
                time.sleep(0.2)
            # The pause leaves them in Redis: a replica has tried its 16 places at most once in each pause of 2 s or longer, not each that waits again and again.
            assert 0 < s.metric("persist-svc", 'sheaf_stage_tasks_total{outcome="throttled"}') < 16 * (2 + (time.monotonic() - began) / 2)
        finally:
            db.start()
        assert s.batch_done(before["batch_id"], 60)["completed"] == MANY
        assert s.batch_done(during["batch_id"], 60)["completed"] == 5
        check_rows(db, MANY + 5)
        assert wait_for(lambda: s.get("/api/records?limit=1")[1].get("total"), 60, "the records") == MANY + 5
        assert s.get(f"/api/job_status/{job}")[1]["status"] == "finished"


def test_a_server_that_stands_still_is_given_up_and_waited_for(db):
    with Stack(*SIX, DATABASE_URL=db.url, **QUICK) as s:
        assert s.batch_done(upload(s, 0, 2)["batch_id"], 60)["completed"] == 2
        db.signal_all(signal.SIGSTOP)
        try:
            answer = upload(s, 100, 3)
            wait_for(lambda: provider(s)["paused"], 60, "the pause")
            refused_at_once(s)
        finally:
            db.signal_all(signal.SIGCONT)
        assert s.batch_done(answer["batch_id"], 60)["completed"] == 3
        check_rows(db, 5)


def test_a_service_that_starts_while_the_database_is_away_waits_for_it_and_then_makes_the_tables(db):
    db.stop()
    try:
        with Stack(*SIX, DATABASE_URL=db.url, **QUICK) as s:
            answer = upload(s, 0, 3)
            assert s.get("/api/records")[0] == 503
            time.sleep(3 * SLOW)
            db.start()
            assert s.batch_done(answer["batch_id"], 60)["completed"] == 3
            check_rows(db, 3)
    finally:
        if db.process.poll() is not None:
            db.start()


def test_of_a_database_with_room_for_one_connection_all_take_turns_at_it_and_without_room_they_wait(db):
    db.query("ALTER ROLE sheaf CONNECTION LIMIT 1")
    try:
        with Stack(*SIX, DATABASE_URL=db.url, **QUICK) as s:
            assert s.batch_done(upload(s, 0, 20)["batch_id"], 60)["completed"] == 20
            db.query("ALTER ROLE sheaf CONNECTION LIMIT 0", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sheaf'")
            answer = upload(s, 100, 5)
            job = answer["job_ids"][0]["job_id"]
            wait_for(lambda: "room for another connection" in (s.get(f"/api/job_status/{job}")[1].get("status_message") or ""), 60, "the reason")
            time.sleep(4 * SLOW)
            db.query("ALTER ROLE sheaf CONNECTION LIMIT -1")
            assert s.batch_done(answer["batch_id"], 60)["completed"] == 5
            check_rows(db, 25)
    finally:
        db.query("ALTER ROLE sheaf CONNECTION LIMIT -1")


def test_a_server_that_only_takes_reads_after_a_failover_is_waited_for(db):
    def read_only(value):
        db.query(f"ALTER SYSTEM SET default_transaction_read_only = {value}", "SELECT pg_reload_conf()")
        wait_for(lambda: db.query("SHOW default_transaction_read_only") == [value], 60, "the server to know")

    with Stack(*SIX, DATABASE_URL=db.url, **QUICK) as s:
        assert s.batch_done(upload(s, 0, 2)["batch_id"], 60)["completed"] == 2
        read_only("on")
        try:
            answer = upload(s, 100, 5)
            job = answer["job_ids"][0]["job_id"]
            wait_for(lambda: "only takes reads" in (s.get(f"/api/job_status/{job}")[1].get("status_message") or ""), 60, "the reason")
            time.sleep(4 * SLOW)
        finally:
            read_only("off")
        assert s.batch_done(answer["batch_id"], 60)["completed"] == 5
        check_rows(db, 7)


def test_the_standby_that_is_promoted_takes_over_by_itself_where_the_address_names_both():
    with Postgres() as first, first.standby() as second, Stack(*SIX, DATABASE_URL=Postgres.url_of(second, first), **QUICK) as s:
        assert s.batch_done(upload(s, 0, 5)["batch_id"], 60)["completed"] == 5  # at the second of the two, which takes writes
        wait_for(lambda: rows(second) == 5, 60, "the standby to have followed")
        first.kill()
        answer = upload(s, 100, 5)
        job = answer["job_ids"][0]["job_id"]
        wait_for(lambda: "PostgreSQL" in (s.get(f"/api/job_status/{job}")[1].get("status_message") or ""), 60, "the reason")
        time.sleep(AWAY_S)
        second.promote()
        assert s.batch_done(answer["batch_id"], 60)["completed"] == 5
        check_rows(second, 10)


@pytest.mark.parametrize("function", ["save_submission", "settle_submissions"])
def test_a_commit_whose_answer_is_lost_is_one_row_with_one_history(db, function):
    with Relay(db.socket) as relay:
        url = f"postgresql://sheaf@127.0.0.1:{relay.port}/sheaf?sslmode=disable&gssencmode=disable"
        with Stack(*SIX, DATABASE_URL=url, **QUICK) as s:
            traps = [relay.cut_reply_to(function.encode()) for _ in range(2)]
            answer = upload(s, 0, 6)
            assert s.batch_done(answer["batch_id"], 60)["completed"] == 6
            assert all(trap.wait(60) for trap in traps)
            check_rows(db, 6)
            # With nobody behind the relay any more after such a commit, it is waited for, and done once all the same.
            trap = relay.cut_reply_to(function.encode())
            answer = upload(s, 100, 1)
            assert trap.wait(60)
            relay.refuse()
            relay.cut()
            time.sleep(AWAY_S)
            relay.accept()
            assert s.batch_done(answer["batch_id"], 60)["completed"] == 1
            check_rows(db, 7)
