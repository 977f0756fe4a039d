"""Records in PostgreSQL: the same rules as in SQLite, several persist-svc on one database, a table that was there before,
and row-level security."""
import concurrent.futures
import hashlib
import json
import os
import subprocess

import pytest

from documents import form, form_lines, pdf
from postgres import PROGRAMS, Postgres
from stack import BUILD, SLOW, TOP, Stack, wait_for

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed")
OWNER = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"


@pytest.fixture(scope="module")
def db():
    with Postgres() as database:
        yield database


def fresh(db):
    db.query("DROP SCHEMA public CASCADE", "CREATE SCHEMA public AUTHORIZATION sheaf", database="sheaf")


def migrate(db):
    return subprocess.run([BUILD / "persist-svc", "--migrate"], capture_output=True, text=True,
                          env={"SHEAF_RECORDS": "postgres", "DATABASE_URL": db.url, "SHEAF_VAR": str(db.folder / "var"), "PATH": os.environ["PATH"]})


@pytest.mark.parametrize("program", ["records_save_test", "records_change_test"])
def test_every_rule_of_the_records_holds_in_postgresql_as_in_sqlite(db, program):
    fresh(db)
    done = subprocess.run([BUILD / "tests" / "unit" / "persist-svc" / program], capture_output=True, text=True, timeout=120 * SLOW,
                          env={**os.environ, "TESTS_DATABASE_URL": db.url})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_two_persist_services_share_a_database_and_a_document_becomes_one_record_each(db):
    fresh(db)
    with Stack("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway", SHEAF_RECORDS="postgres", DATABASE_URL=db.url) as s:
        s.start("persist-svc", label="second", SHEAF_PORT=s.base + 60, SHEAF_DISPATCHERS=s.dispatcher_endpoint)
        status, answer = s.upload(*((f"form{n}.pdf", form(n)) for n in range(20)), ("several.pdf", pdf([form_lines(n) for n in (30, 31, 32)])))
        assert status == 202, answer
        done = s.batch_done(answer["batch_id"], 120)
        assert done["completed"] == 21, done
        # One of them dies in the middle of the next; nothing is doubled by what the other does again.
        status, again = s.upload(*((f"later{n}.pdf", form(100 + n)) for n in range(20)))
        assert status == 202, again
        s["second"].kill()
        assert s.batch_done(again["batch_id"], 120)["completed"] == 20
        status, listed = s.get("/api/records?limit=100")
        assert status == 200 and listed["total"] == 43, listed.get("total")
        rows = db.query("SELECT count(*), count(DISTINCT (base_id, chunk_index)) FROM submissions WHERE NOT is_container_parent", database="sheaf")
        assert rows == ["43|43"]
        assert db.query("SELECT count(*) FROM submissions WHERE is_container_parent", database="sheaf") == ["1"]
        assert s.get("/api/records/%ff")[0] == 404 and s.get("/api/records?q=%ff")[0] == 400
        # A person's edit, a stale one, an approval and an export go the same way.
        one = listed["records"][0]
        path = f"/api/records/{one['submission_id']}"
        status, edited = s.post(path, {"student_name": "Typed By Hand"}, "PATCH", If_Match=one["updated_at"])
        assert status == 200 and edited["record"]["student_name"] == "Typed By Hand", edited
        assert s.post(path, {"grade": "3"}, "PATCH", If_Match=one["updated_at"])[0] == 412
        assert "Typed By Hand" in s.get("/export?format=csv")[1].decode()
        assert [line["new"] for line in s.get(path + "/history")[1]["history"]][-1] == "Typed By Hand"


def test_a_document_that_two_owners_save_at_the_same_moment_is_a_record_of_each(db):
    fresh(db)
    document = form(1)
    base = hashlib.sha256(document).hexdigest()[:12]
    plain = hashlib.sha256(f"{base}:0".encode()).hexdigest()[:12]
    save = {"owner": OTHER, "base": base, "run": 1, "attempt": 1, "delivery": 1, "index": 0, "entries": 1, "template": False, "word_count": 0,
            "observed": [], "evidence": {}, "sources": {}, "values": {}, "at": "2026-01-01T00:00:00Z", "id": plain, "id_owned": "0" * 12,
            "parent_id": base, "parent_id_owned": "1" * 12}
    with Stack("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway", SHEAF_RECORDS="postgres", DATABASE_URL=db.url,
               SHEAF_OCR="null", SHEAF_LLM="null") as s, db.session("sheaf", "sheaf") as other:
        other.say("BEGIN", "SELECT set_config('request.jwt.claims', '{\"role\":\"service_role\"}', true)", f"SELECT save_submission('{json.dumps(save)}')")
        wait_for(lambda: db.query("SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%save_submission%'"), 30, "the other's save")
        job = s.upload(("form.pdf", document))[1]["job_ids"][0]["job_id"]
        wait_for(lambda: db.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), 30, "the save that waits for the other's")
        other.say("COMMIT")
        done = s.job_done(job)
        assert done["status"] == "finished" and done["result"]["submission_id"] != plain, done
        assert s.get("/api/records")[1]["total"] == 1
    assert db.query("SELECT count(DISTINCT owner_user_id) FROM submissions", database="sheaf") == ["2"]


def test_many_persons_who_change_the_same_records_at_once_are_all_heard(db):
    fresh(db)
    with Stack("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway", SHEAF_RECORDS="postgres", DATABASE_URL=db.url,
               SHEAF_OCR="null", SHEAF_LLM="null") as s, concurrent.futures.ThreadPoolExecutor(12) as persons:
        s.batch_done(s.upload(*((f"form{n}.pdf", form(n)) for n in range(20)))[1]["batch_id"])
        ids = [r["submission_id"] for r in s.get("/api/records")[1]["records"]]
        names = [f"Teacher {letter}" for letter in "ABCDEFGHIJKL" * 4]
        answers = list(persons.map(lambda name: s.post("/api/bulk_update_records", {"ids": ids, "fields": {"teacher_name": name}}), names))
        assert {(status, answer.get("updated")) for status, answer in answers} == {(200, 20)}
        assert len(s.get(f"/api/records/{ids[0]}/history")[1]["history"]) > len(names) / 2


def test_a_database_that_restarts_in_between_delays_and_loses_nothing(db):
    fresh(db)
    with Stack("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway", SHEAF_RECORDS="postgres", DATABASE_URL=db.url,
               SHEAF_OCR="null", SHEAF_LLM="null") as s:
        db.stop()
        status, answer = s.upload(*((f"form{n}.pdf", form(n)) for n in range(5)))
        assert status == 202, answer
        assert s.get("/api/records")[0] == 503
        db.start()
        assert s.batch_done(answer["batch_id"], 60)["completed"] == 5
        assert s.get("/api/records?limit=1")[1]["total"] == 5


def test_a_table_that_was_there_before_keeps_every_row_as_it_is_and_works_on(db):
    fresh(db)
    old = (TOP / "tests" / "fixtures" / "postgres" / "before-sheaf.sql").read_text()
    db.query(old, database="sheaf", user="sheaf")
    columns = ",".join(db.query("SELECT attname FROM pg_attribute WHERE attrelid = 'submissions'::regclass AND attnum > 0 ORDER BY attnum",
                                database="sheaf"))
    rows = f"SELECT {columns} FROM submissions ORDER BY submission_id"
    before = db.query(rows, database="sheaf")
    assert len(before) == 3
    for _ in range(2):  # applied again it changes nothing either
        done = migrate(db)
        assert done.returncode == 0, done.stderr
    assert db.query(rows, database="sheaf") == before
    with Stack("dispatcher", "persist-svc", "gateway", SHEAF_RECORDS="postgres", DATABASE_URL=db.url) as s:
        status, listed = s.get("/api/records")
        assert status == 200 and [r["student_name"] for r in listed["records"]] == [None, "Old Oakley"], listed
        status, edited = s.post("/api/records/aaaaaaaaaaaa", {"grade": "8"}, "PATCH", If_Match=listed["records"][1]["updated_at"])
        assert status == 200 and edited["record"]["grade"] == "8", edited
    after = db.query(rows, database="sheaf")
    assert [a for a, b in zip(after, before) if a != b] and after[1:] == before[1:]


@pytest.mark.parametrize("generous", [False, True], ids=["plain", "as a Supabase project"])
def test_row_level_security_shows_an_owner_only_what_is_his(db, generous):
    fresh(db)
    for role in ("authenticated NOLOGIN", "anon NOLOGIN", "service_role NOLOGIN BYPASSRLS"):
        if not db.query(f"SELECT 1 FROM pg_roles WHERE rolname = '{role.split()[0]}'"):
            db.query(f"CREATE ROLE {role}")
    if generous:  # what is made in the schema is given to all by name
        for kind in ("TABLES", "FUNCTIONS", "SEQUENCES"):
            db.query(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON {kind} TO anon, authenticated, service_role", database="sheaf", user="sheaf")
    db.query((TOP / "tests" / "fixtures" / "postgres" / "before-sheaf.sql").read_text(), database="sheaf", user="sheaf")
    assert migrate(db).returncode == 0
    db.query("GRANT USAGE ON SCHEMA public TO authenticated, anon, service_role", database="sheaf")

    def as_role(role, sub, statement):
        """What PostgREST does for a request."""
        claims = f'{{"role":"{role}","sub":"{sub}"}}'
        return db.run(f"BEGIN; SET LOCAL ROLE {role}; SET LOCAL request.jwt.claims = '{claims}'; {statement}; COMMIT", "sheaf", "postgres")

    count = "SELECT count(*) FROM submissions"
    assert as_role("authenticated", OWNER, count).stdout.split() == ["2"]
    assert as_role("authenticated", OTHER, count).stdout.split() == ["1"]
    assert as_role("authenticated", "nobody", count).stdout.split() == ["0"]
    assert as_role("service_role", "", count).stdout.split() == ["3"]
    assert as_role("anon", "", count).returncode != 0
    assert as_role("authenticated", OWNER, "UPDATE submissions SET grade = '1'").returncode != 0
    assert as_role("authenticated", OWNER, "INSERT INTO submission_history (submission_id, at, action) VALUES ('aaaaaaaaaaaa', now(), 'x')").returncode != 0
    for function in ("save_submission", "settle_submissions", "probe_submissions"):
        for role in ("anon", "authenticated"):
            assert "permission denied" in as_role(role, OWNER, f"SELECT {function}('{{}}')").stderr
    assert as_role("service_role", "", f"SELECT probe_submissions('{{\"owner\":\"{OWNER}\"}}')").stdout.split() == ["true"]
    for role in ("anon", "authenticated"):
        assert as_role(role, OWNER, "SELECT 1 FROM sheaf_migrations").returncode != 0
    # Without claims even the owner of the table sees nothing.
    assert db.query(count, database="sheaf", user="sheaf") == ["0"]


BROKEN = [  # what somebody did to the database, how to undo it, and a word of what to do about it
    ("ALTER TABLE submissions RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO submissions", "persist-svc --migrate"),
    ("REVOKE ALL ON submissions FROM sheaf", "GRANT ALL ON submissions TO sheaf", "rights"),
    ("REVOKE INSERT ON submission_history FROM sheaf", "GRANT INSERT ON submission_history TO sheaf", "rights"),
    ("CREATE POLICY nobody ON submissions AS RESTRICTIVE USING (false) WITH CHECK (false)", "DROP POLICY nobody ON submissions", "row-level security"),
]


def test_a_table_that_is_missing_and_a_refusal_are_said_by_job_and_doctor_and_mended_by_a_retry(db):
    fresh(db)
    with Stack("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway", SHEAF_RECORDS="postgres", DATABASE_URL=db.url) as s:
        for n, (harm, undo, word) in enumerate(BROKEN):
            db.query(harm, database="sheaf")
            try:
                status, answer = s.upload(("form.pdf", form(900 + n)))
                assert status == 202
                s.batch_done(answer["batch_id"], 60)
                job = s.get(f"/api/job_status/{answer['job_ids'][0]['job_id']}")[1]
                assert job["status"] == "failed" and job["error"]["code"] == "provider_refused" and word in job["error"]["text"], (harm, job["error"])
                found = s.doctor()["records"]
                assert found["verdict"] == "wrong" and word in found["text"] and found["mend"], (harm, found)
            finally:
                db.query(undo, database="sheaf")
            assert s.post(f"/api/jobs/{job['job_id']}/retry")[0] == 202
            assert s.job_done(job["job_id"], 60)["status"] == "finished"
            assert s.doctor()["records"]["verdict"] == "ok"
        assert db.query("SELECT count(*) FROM submissions WHERE submission_id LIKE 'sheaf-probe%'", database="sheaf") == ["0"], "doctor leaves nothing"


def test_a_wrong_address_or_a_missing_right_says_what_to_do(db):
    wrong = subprocess.run([BUILD / "persist-svc", "--migrate"], capture_output=True, text=True,
                           env={"SHEAF_RECORDS": "postgres", "DATABASE_URL": db.url.replace("/sheaf?", "/nowhere?"), "SHEAF_VAR": str(db.folder / "var")})
    assert wrong.returncode == 100 and "DATABASE_URL" in wrong.stderr, wrong.stderr
    none = subprocess.run([BUILD / "persist-svc", "--migrate"], capture_output=True, text=True,
                          env={"SHEAF_RECORDS": "postgres", "SHEAF_VAR": str(db.folder / "var")})
    assert none.returncode == 100 and "DATABASE_URL" in none.stderr, none.stderr
