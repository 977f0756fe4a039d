"""Records and objects in a Supabase project: the functions on a real PostgreSQL behind what PostgREST does, Storage beside it."""
import pathlib
import subprocess
import threading
import time

import pytest

from documents import csv_rows, form, form_lines, pdf
from postgres import PROGRAMS, Postgres
from relay import Relay
from stack import BUILD, SLOW, TOP, Stack, http, wait_for
from fakes import supabase
from fakes.base import Answer, Only
from fakes.supabase import KEY, Supabase, pgrst_error, sql_error, storage_error
from tokens import SECRET, token

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed")
SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")


@pytest.fixture(scope="module")
def db():
    with Postgres() as database:
        for role in ("anon NOLOGIN", "authenticated NOLOGIN", "service_role NOLOGIN BYPASSRLS"):
            database.query(f"CREATE ROLE {role}")
        for kind in ("TABLES", "FUNCTIONS", "SEQUENCES"):  # a project gives all that is made in it to these by name
            database.query(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON {kind} TO anon, authenticated, service_role", database="sheaf", user="sheaf")
        # The old application has filled its table; our migration is applied as `supabase db push` would, by the owner.
        database.query((TOP / "tests" / "fixtures" / "postgres" / "before-sheaf.sql").read_text(), database="sheaf", user="sheaf")
        for migration in sorted((TOP / "persist-svc" / "migrations" / "postgres").glob("*.sql")):
            database.query(migration.read_text(), database="sheaf", user="sheaf")
        database.query("GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role", database="sheaf")
        yield database


@pytest.fixture(scope="module")
def project(db):
    with Supabase(db) as fake:
        yield fake


@pytest.fixture(scope="module")
def stack(project):
    with Stack(*SIX, SHEAF_AUTH="none", **project.env()) as s:
        yield s


@pytest.fixture(autouse=True)
def content(project):
    project.script.clear()
    yield
    assert project.complaints == []


def upload(stack, *files):
    status, answer = stack.upload(*files)
    assert status == 202, answer
    return answer


def job_of(stack, answer):
    return stack.get(f"/api/job_status/{answer['job_ids'][0]['job_id']}")[1]


def test_the_two_old_variables_turn_it_on_and_a_batch_becomes_rows_and_objects(stack, project, db):
    assert '"records":"supabase","objects":"supabase"' in stack.log("persist-svc")
    files = [(f"form{n}.pdf", form(n)) for n in range(5)] + [("several.pdf", pdf([form_lines(n) for n in (30, 31)]))]
    answer = upload(stack, *files)
    assert stack.batch_done(answer["batch_id"], 90)["completed"] == 6
    status, listed = stack.get(f"/api/records?batch={answer['batch_id']}")
    assert status == 200 and listed["total"] == 7
    rows = db.query("SELECT count(*), count(DISTINCT owner_user_id) FROM submissions WHERE run > 0 AND NOT is_container_parent", database="sheaf")
    assert rows == ["7|1"]
    originals = {body for key, (kind, body) in project.objects.items() if key.endswith("/original.pdf") and kind == "application/pdf"}
    assert originals == {data for _, data in files}
    key = next(k for k in project.objects if k.endswith("/original.pdf"))
    status, body = stack.get("/pdf/essay-submissions/" + key)
    assert status == 200 and body == project.objects[key][1]


def test_a_persons_work_goes_the_same_way_and_old_rows_are_there(stack, db):
    listed = stack.get("/api/records?limit=100")[1]["records"]
    assert "Old Oakley" in [r["student_name"] for r in listed] and "Other Owen" not in [r["student_name"] for r in listed]
    one = next(r for r in listed if r["student_name"] and r["student_name"] != "Old Oakley")
    path = f"/api/records/{one['submission_id']}"
    status, edited = stack.post(path, {"student_name": "Typed By Hand"}, "PATCH", If_Match=one["updated_at"])
    assert status == 200 and edited["record"]["student_name"] == "Typed By Hand", edited
    assert stack.post(path, {"grade": "3"}, "PATCH", If_Match=one["updated_at"])[0] == 412
    job = one["job_id"]
    assert stack.post(f"/api/jobs/{job}/rerun?from=extract")[0] == 202
    wait_for(lambda: stack.get(f"/api/job_status/{job}")[1]["status"] == "finished", 30, "the second run")
    assert stack.get(path)[1]["record"]["student_name"] == "Typed By Hand"
    assert db.query(f"SELECT count(*) FROM submission_history WHERE submission_id = '{one['submission_id']}' AND by IS NOT NULL", database="sheaf") != ["0"]


def test_an_export_has_links_that_anybody_may_follow_while_they_are_good(stack, project):
    assert stack.batch_done(upload(stack, ("linked.pdf", form(250)))["batch_id"], 60)["completed"] == 1
    status, csv = stack.get("/export?format=csv&mode=all")
    rows = [r for r in csv_rows(csv) if r["student_name"] not in ("Old Oakley", "")]
    assert status == 200 and rows and all(r["pdf_url"].startswith(project.url + "/storage/v1/object/sign/essay-submissions/") for r in rows)
    status, head, body = http("GET", rows[0]["pdf_url"])
    assert status == 200 and body in [body for _, body in project.objects.values()]
    token = rows[0]["pdf_url"].partition("token=")[2]
    path, until = project.links[token]
    assert 604700 < until - time.time() <= 604800
    project.links[token] = (path, 0)
    assert http("GET", rows[0]["pdf_url"])[0] == 400
    # Once the storage does not answer, the export still is one, with the gateway's addresses.
    project.script.append(Only(lambda request: "/object/sign/" in request.path, storage_error(544, "DatabaseTimeout", "DatabaseTimeout", 544)))
    again = [r for r in csv_rows(stack.get("/export?format=csv&mode=all")[1]) if r["submission_id"] in {x["submission_id"] for x in rows}]
    assert len(again) == len(rows) and all(r["pdf_url"].startswith(stack.url("/pdf/essay-submissions/")) for r in again) and not project.script


def test_an_owners_objects_are_removed_with_their_folders_and_no_one_elses(stack, project):
    owner, other = "0bbbbbbb-0000-4000-8000-000000000001", "0bbbbbbb-0000-4000-8000-000000000002"
    for n in range(1100):
        project.objects[f"{owner}/{n:012x}/original.pdf"] = project.objects[f"{other}/{n:012x}/original.pdf"] = ("x/y", b"x")
    project.objects[f"{owner}/{0:012x}/artifacts/17/entry-0.json"] = ("x/y", b"x")
    ran = subprocess.run([BUILD / "persist-svc", "--remove-objects", owner], env=stack.env(), capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    left = [k for k in project.objects if k.startswith("0bbbbbbb")]
    assert len(left) == 1100 and all(k.startswith(other) for k in left)


@pytest.mark.parametrize("trouble", [sql_error("40001"), sql_error("53300"), sql_error("57P01"), sql_error("57014"), pgrst_error(0), pgrst_error(3), pgrst_error(2, Retry_After=1),
                                     Answer(502, "<html>bad gateway</html>"), Answer(200, cut=True), Answer(429, {}, {"Retry-After": "1"})],
                         ids=["serialisation", "connections", "restart", "too long", "no database", "pool", "retry-after", "gateway", "cut", "429"])
def test_trouble_of_the_database_is_tried_again(stack, project, trouble):
    project.script.append(Only(lambda request: request.path.endswith("/save_submission"), trouble))
    answer = upload(stack, ("again.pdf", form(300 + len(project.objects))))
    assert stack.batch_done(answer["batch_id"], 60)["completed"] == 1
    assert not project.script


@pytest.mark.parametrize("state", ["25006", "53100", "57P01", "57P02", "57P03", "08006"])
def test_an_outage_that_the_database_names_costs_no_attempt_whatever_http_status_it_comes_with(stack, project, db, state):
    project.script.append(Only(lambda request: request.path.endswith("/save_submission"), sql_error(state)))
    answer = upload(stack, ("outage.pdf", form(900 + len(project.objects))))
    assert stack.batch_done(answer["batch_id"], 60)["completed"] == 1
    assert not project.script
    assert db.query(f"SELECT max(attempt) FROM submissions WHERE job_id = '{answer['job_ids'][0]['job_id']}'", database="sheaf") == ["1"]


def test_a_statement_that_takes_the_project_too_long_is_tried_once_more_and_no_oftener(stack, project):
    calls = []

    def too_long(request):
        calls.append(request.path)
        project.script.append(Only(lambda request: request.path.endswith("/save_submission"), too_long))
        return sql_error("57014")
    project.script.append(Only(lambda request: request.path.endswith("/save_submission"), too_long))
    answer = upload(stack, ("long.pdf", form(350 + len(project.objects))))
    stack.batch_done(answer["batch_id"], 60)
    job = job_of(stack, answer)
    assert job["status"] == "failed" and job["error"]["code"] == "timeout" and "57014" in job["error"]["text"], job
    assert len(calls) == 2
    project.script.clear()
    assert stack.post(f"/api/jobs/{answer['job_ids'][0]['job_id']}/retry")[0] == 202
    wait_for(lambda: job_of(stack, answer)["status"] == "finished", 60, "the person's own try")


@pytest.mark.parametrize("trouble", [storage_error(500, "Internal", "InternalError", 500), storage_error(423, "ResourceLocked", "ResourceLocked"),
                                     storage_error(544, "DatabaseTimeout", "DatabaseTimeout", 544), storage_error(503, "LockTimeout", "LockTimeout")])
def test_trouble_of_the_storage_is_tried_again(stack, project, trouble):
    project.script.append(Only(lambda request: "/object/" in request.path, trouble))
    answer = upload(stack, ("again.pdf", form(400 + len(project.objects))))
    assert stack.batch_done(answer["batch_id"], 60)["completed"] == 1
    assert not project.script


def test_an_ok_that_is_no_receipt_does_not_count_as_stored(stack, project):
    data = form(460)
    project.script.append(Only(lambda request: request.method == "POST" and request.path.endswith("/original.pdf"), Answer(200, "<html>sign in</html>")))
    assert stack.batch_done(upload(stack, ("receipt.pdf", data))["batch_id"], 60)["completed"] == 1
    assert not project.script and data in [body for _, body in project.objects.values()]


@pytest.mark.parametrize("instead", [Answer(200, "<html>sign in</html>", {"Content-Type": "text/html"}), Answer(200, form(450)[:900])], ids=["page", "half"])
def test_what_the_storage_gives_in_place_of_a_document_is_not_read_as_one(stack, project, instead):
    answer = upload(stack, ("back.pdf", form(450)))
    assert stack.batch_done(answer["batch_id"], 60)["completed"] == 1
    job = answer["job_ids"][0]["job_id"]
    stack.redis.hset(f"sheaf:{{00}}:job:{job}", "up", "gone")
    next(pathlib.Path(stack.folder).rglob(f"{job}.upload")).unlink()
    project.script.append(Only(lambda request: request.method == "GET" and "/original." in request.path, instead))
    assert stack.post(f"/api/jobs/{job}/rerun?from=inspect")[0] == 202
    wait_for(lambda: job_of(stack, answer)["status"] in ("finished", "failed"), 60, "its end")
    assert job_of(stack, answer)["status"] == "finished" and not project.script


def test_a_project_that_is_away_longer_than_all_attempts_would_last_is_waited_for_at_no_cost(project, db):
    host, port = project.url[7:].split(":")
    with Relay((host, int(port))) as relay, Stack(*SIX, SHEAF_AUTH="none", SHEAF_OCR="null", SHEAF_LLM="null", SHEAF_MAX_ATTEMPTS=2,
                                                 **{**project.env(), "SUPABASE_URL": f"http://127.0.0.1:{relay.port}"}) as s:
        relay.refuse()
        answer = upload(s, *((f"away{n}.pdf", form(800 + n)) for n in range(3)))
        jobs = [j["job_id"] for j in answer["job_ids"]]
        wait_for(lambda: "Waiting for Supabase" in (s.get(f"/api/job_status/{jobs[0]}")[1]["status_message"] or ""), 20, "the reason")
        time.sleep(4 * SLOW)
        relay.accept()
        assert s.batch_done(answer["batch_id"], 90)["completed"] == 3
        rows = db.query(f"SELECT count(*), max(attempt) FROM submissions WHERE job_id IN ({','.join(map(repr, jobs))})", database="sheaf")
        assert rows == ["3|1"]


@pytest.mark.parametrize("break_it, word", [("key", "SUPABASE_SERVICE_ROLE_KEY"), ("expired", "expired"), ("bucket", "bucket"), ("function", "migrations"),
                                            ("right", "service key")])
def test_what_a_person_must_mend_is_said_in_the_job_and_by_doctor(stack, project, db, break_it, word):
    def broken(request):
        """Every call of a function, until the script is cleared."""
        project.script.append(Only(lambda request: "/rpc/" in request.path, broken))
        return {"right": sql_error("42501"), "function": pgrst_error(202), "expired": pgrst_error(303)}[break_it]
    if break_it == "key":
        project.key = "another"
    elif break_it == "bucket":
        project.bucket = "another"
    else:
        project.script.append(Only(lambda request: "/rpc/" in request.path, broken))
    try:
        answer = upload(stack, ("stuck.pdf", form(500 + hash(break_it) % 1000)))
        stack.batch_done(answer["batch_id"], 60)
        job = job_of(stack, answer)
        assert job["status"] == "failed" and job["error"]["code"] == "provider_refused" and word in job["error"]["text"], job
        found = stack.doctor()["objects" if break_it == "bucket" else "records"]
        assert found["verdict"] == "wrong" and word in found["text"] and found["mend"], found
    finally:
        project.key, project.bucket = KEY, "essay-submissions"
        project.script.clear()
    assert stack.post(f"/api/jobs/{answer['job_ids'][0]['job_id']}/retry")[0] == 202
    wait_for(lambda: job_of(stack, answer)["status"] == "finished", 60, "the second try")


@pytest.mark.parametrize("at", ["/save_submission", "/settle_submissions", "/original.pdf", "/artifacts/"])
def test_a_process_that_dies_in_the_middle_of_a_call_has_done_it_once(stack, project, db, at):
    killed, data = threading.Event(), form(700 + len(at))

    def kill(_):
        stack["persist-svc"].kill()
        killed.set()
    project.script.append(Only(lambda request: at in request.path and request.method == "POST", kill))
    answer = upload(stack, ("killed.pdf", data))
    assert killed.wait(60)
    stack["persist-svc"].start()
    assert stack.batch_done(answer["batch_id"], 60)["completed"] == 1
    job = answer["job_ids"][0]["job_id"]
    assert db.query(f"SELECT count(*), count(*) FILTER (WHERE review_reason_codes <> '' OR NOT needs_review) FROM submissions WHERE job_id = '{job}'",
                    database="sheaf") == ["1|1"]
    assert [body for path, (_, body) in project.objects.items() if path.endswith("/original.pdf")].count(data) == 1


def test_a_key_of_the_old_kind_goes_the_same_way(stack, project, monkeypatch):
    """A long-lived JWT, in both headers, as the new ones."""
    old = token({"iss": "supabase", "role": "service_role", "exp": 2100000000}, secret=SECRET)
    monkeypatch.setattr(supabase, "KEY", old)
    project.key = old
    try:
        found = stack.doctor(SUPABASE_SERVICE_ROLE_KEY=old)
        assert found["records"]["verdict"] == found["objects"]["verdict"] == "ok", found
    finally:
        project.key = KEY


def test_no_key_is_in_any_log(stack):
    for name in SIX:
        assert KEY not in stack.log(name)
