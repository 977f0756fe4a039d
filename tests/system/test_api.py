"""The HTTP API of the gateway beyond the main job: for other services, and for operators."""
import contextlib
import csv
import http.server
import io
import json
import pathlib
import re
import socket
import sqlite3
import threading
import xml.etree.ElementTree
import zipfile

import pytest

import client
import documents
import openapi
from stack import Stack, http as call, wait_for

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
BROKEN = b"%PDF-1.4 and nothing behind it"


class Shelf(http.server.BaseHTTPRequestHandler):
    """A place that documents may be fetched from; /out leads away from it."""

    def do_GET(self):
        if self.path == "/out":
            self.send_response(302)
            self.send_header("Location", "/scans/one.pdf")
            self.end_headers()
            return
        known = self.path.split("?")[0] in ("/scans/one.pdf", "/scans/of%20may/%C3%B1.pdf")
        self.send_response(200 if known else 404)
        self.end_headers()
        if known:
            self.wfile.write(documents.form(901))

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def shelf():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def stack(shelf):
    with Stack(*SIX, SHEAF_FETCH_FROM=f"https://files.example.org,{shelf}/scans") as s:
        yield s


def finished(stack, job):
    def ended():
        answer = stack.get(f"/api/job_status/{job}")[1]
        return answer if answer["status"] in ("finished", "failed", "cancelled") else None
    return wait_for(ended, 60, f"job {job}")


def failed_job(stack, note):
    answer = stack.upload((f"{note}.pdf", BROKEN + note.encode()))[1]
    job = answer["job_ids"][0]["job_id"]
    assert finished(stack, job)["status"] == "failed"
    return job


def test_every_route_is_in_openapi_and_every_path_of_openapi_is_a_route():
    written = {(method, re.sub(r"{path}", "**", re.sub(r"{(?!path})[^}]+}", "*", path)))
               for method, path in openapi.operations() if path not in ("/livez", "/readyz", "/metrics")}
    routes = {row for row in openapi.routes() if not re.match("/$|/review|/static/|/openapi.json", row[1])}
    assert written == routes


NO_TEXT = "%ff%c3"  # bytes that are no UTF-8


def test_an_id_of_any_bytes_is_unknown_like_any_other(stack):
    for unknown in ("nonsense", NO_TEXT):
        status, answer = stack.get(f"/api/job_status/{unknown}")
        assert (status, answer["status"], answer["code"]) == (404, "not_found", "not_found"), unknown
        assert stack.get(f"/jobs/{unknown}")[0] == 404
        for path in (f"batch_status?batch_id={unknown}", f"batch_status?job_ids={unknown}", f"events?job_id={unknown}", f"events?batch_id={unknown}",
                     f"batches/{unknown}", f"records/{unknown}", f"records/{unknown}/history"):
            assert stack.get(f"/api/{path}")[0] == 404, path
        for path in (f"jobs/{unknown}/retry", f"jobs/{unknown}/cancel", f"jobs/{unknown}/rerun?from=page", f"batches/{unknown}/close",
                     f"records/{unknown}/approve", f"records/{unknown}/send_for_review", f"records/{unknown}/delete", f"records/{unknown}/reprocess",
                     f"admin/dead/{unknown}/kick"):
            assert stack.post(f"/api/{path}")[0] == 404, path


def test_records_are_not_looked_for_by_bytes_that_are_no_text(stack):
    for name in ("q", "school", "grade", "reason", "batch"):
        status, answer = stack.get(f"/api/records?{name}={NO_TEXT}")
        assert (status, answer["code"]) == (400, "bad_request"), name
    assert stack.get(f"/export/school/{NO_TEXT}")[0] == 404


def test_the_id_of_a_batch_names_no_job_nor_that_of_a_job_a_batch(stack):
    uploaded = stack.upload(("one of its own.pdf", documents.form(904)))[1]
    batch, job = uploaded["batch_id"], uploaded["job_ids"][0]["job_id"]
    finished(stack, job)
    for _ in range(3):  # each is asked about while the other answer is kept
        assert stack.get(f"/api/batch_status?batch_id={batch}")[0] == 200
        assert stack.get(f"/api/job_status/{batch}")[0] == 404
        assert stack.get(f"/api/job_status/{job}")[0] == 200
        assert stack.get(f"/api/batch_status?batch_id={job}")[0] == 404


# ---- for other services ------------------------------------------------------------------------------------

def test_the_example_client_gets_a_document_through_to_its_records(stack):
    sheaf = client.Sheaf(stack.url(""))
    job = sheaf.submit("body.pdf", documents.form(902))
    assert sheaf.wait(job, timeout=60)["status"] == "finished"
    (record,) = [r for r in sheaf.records() if r["filename"] == "body.pdf"]
    assert record["student_name"] == documents.student(902)["student_name"]
    assert job in [j["job_id"] for j in sheaf.jobs(state="finished")]


def test_a_body_that_is_no_document_is_refused_as_an_upload_is(stack):
    status, head, body = call("POST", stack.url("/api/v1/documents?filename=a.pdf"), b"plain text")
    assert status == 400 and json.loads(body)["code"] == "unsupported_type"
    status, head, body = call("POST", stack.url("/api/v1/documents"), b"")
    assert status == 400 and json.loads(body)["code"] == "empty_file"


def test_a_document_is_fetched_only_from_where_the_operator_allows(stack, shelf):
    status, answer = stack.post("/api/v1/documents", {"url": f"{shelf}/scans/one.pdf"})
    assert status == 202, answer
    assert answer["job_ids"][0]["filename"] == "one.pdf" and finished(stack, answer["job_ids"][0]["job_id"])
    for url in (f"{shelf}/secret.pdf", f"{shelf}/scansanything", f"{shelf}/scans/../secret", "http://169.254.169.254/x",
                f"{shelf}/scans/%2e%2e/secret", "file:///etc/passwd", f"{shelf}@evil.example/scans/one.pdf"):
        status, answer = stack.post("/api/v1/documents", {"url": url})
        assert (status, answer["code"]) == (403, "forbidden"), url
    assert stack.post("/api/v1/documents", {"url": f"{shelf}/scans/two.pdf"})[0] == 404
    assert stack.post("/api/v1/documents", {"url": f"{shelf}/scans/one.pdf", "object_key": "x"})[0] == 400
    assert stack.post("/api/v1/documents", {})[0] == 400


@pytest.mark.parametrize("address, name", [("one.pdf?until=1&signature=a/secret", "one.pdf"), ("of%20may/%C3%B1.pdf?signature=secret", "\u00f1.pdf")])
def test_a_document_is_called_as_its_address_ends_without_what_signs_it(stack, shelf, address, name):
    status, answer = stack.post("/api/v1/documents", {"url": f"{shelf}/scans/{address}"})
    assert status == 202, answer
    (job,) = answer["job_ids"]
    assert job["filename"] == name
    finished(stack, job["job_id"])


def test_a_document_with_a_long_name_is_taken_as_an_upload_with_one_is(stack):
    name = "n" * 300 + ".pdf"
    sent = stack.ask("POST", f"/api/v1/documents?filename={name}", documents.form(928), {})[1]["job_ids"][0]
    uploaded = stack.upload((name, documents.form(928)))[1]["job_ids"][0]
    assert sent["filename"] == uploaded["filename"] and sent["filename"].endswith("n.pdf")
    for job in (sent, uploaded):
        finished(stack, job["job_id"])


def test_an_object_that_is_kept_can_be_named_instead_of_sent(stack):
    answer = stack.upload(("kept.pdf", documents.form(903)))[1]
    finished(stack, answer["job_ids"][0]["job_id"])
    (record,) = stack.get(f"/api/records?batch={answer['batch_id']}")[1]["records"]
    key = record["pdf_url"].removeprefix("/pdf/")
    status, again = stack.post("/api/v1/documents", {"object_key": key, "filename": "again.pdf"})
    assert status == 202 and again["job_ids"][0]["is_own_duplicate"] is True
    assert stack.post("/api/v1/documents", {"object_key": key.replace("original", "nothing")})[0] == 404
    assert stack.post("/api/v1/documents", {"object_key": "../../etc/passwd"})[0] == 404


def test_jobs_are_listed_newest_first_and_a_cursor_leads_to_the_end_of_them(stack):
    sent = [stack.upload((f"list-{n}.pdf", documents.form(910 + n)))[1]["job_ids"][0]["job_id"] for n in range(5)]
    seen, cursor = [], ""
    while True:
        status, page = stack.get(f"/api/v1/jobs?limit=2&cursor={cursor}")
        assert status == 200 and len(page["jobs"]) <= 2
        seen += [j["job_id"] for j in page["jobs"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen[:5] == sent[::-1] and len(set(seen)) == len(seen)
    created = stack.get("/api/v1/jobs?limit=1")[1]["jobs"][0]["created_at"]
    assert [j["job_id"] for j in stack.get(f"/api/v1/jobs?since={created}")[1]["jobs"]] == sent[-1:]
    for bad in ("state=lost", "limit=0", "limit=x", "cursor=zzz", "since=yesterday"):
        assert stack.get(f"/api/v1/jobs?{bad}")[0] == 400, bad
    for job in sent:
        finished(stack, job)


def test_a_record_is_reprocessed_from_its_job_or_when_that_is_gone_from_its_original(stack):
    answer = stack.upload(("again.pdf", documents.form(920)))[1]
    job = answer["job_ids"][0]["job_id"]
    finished(stack, job)
    (record,) = stack.get(f"/api/records?batch={answer['batch_id']}")[1]["records"]
    path = f"/api/records/{record['submission_id']}/reprocess"
    status, first = stack.post(path)
    assert status == 202 and first["job_id"] == job
    finished(stack, job)
    stack.redis.delete(f"sheaf:{{00}}:job:{job}")
    status, second = stack.post(path)
    assert status == 202, second
    new = second["job_ids"][0]["job_id"]
    assert new != job and finished(stack, new)["result"]["submission_ids"] == [record["submission_id"]]
    assert stack.post("/api/records/000000000000/reprocess")[0] == 404


def test_an_edit_that_names_no_version_of_the_record_is_refused(stack):
    answer = stack.upload(("version.pdf", documents.form(926)))[1]
    finished(stack, answer["job_ids"][0]["job_id"])
    (record,) = stack.get(f"/api/records?batch={answer['batch_id']}")[1]["records"]
    path = "/api/records/" + record["submission_id"]
    for version in ('""', "", '"', 'W/""', '"undefined"', '"' + "x" * 300 + '"'):
        status, answer = stack.post(path, {"teacher_name": "Overwritten"}, "PATCH", If_Match=version)
        assert (status, answer["code"]) == (412, "precondition_failed"), version
    seen = f'"{record["updated_at"]}"'
    assert stack.post(path, {"teacher_name": "First"}, "PATCH", If_Match=seen)[0] == 200
    assert stack.post(path, {"teacher_name": "Second"}, "PATCH", If_Match=seen)[0] == 412
    assert stack.post(path, {"teacher_name": "Third"}, "PATCH", If_Match="*")[1]["record"]["teacher_name"] == "Third"


def test_a_record_that_is_named_twice_is_changed_once(stack):
    answer = stack.upload(("twice.pdf", documents.form(929)))[1]
    finished(stack, answer["job_ids"][0]["job_id"])
    (record,) = stack.get(f"/api/records?batch={answer['batch_id']}")[1]["records"]
    ids = [record["submission_id"]] * 2 + ["000000000000"] * 2
    status, answer = stack.post("/api/bulk_update_records", {"ids": ids, "fields": {"teacher_name": "Once"}})
    assert (status, answer["updated"], answer["not_found"], len(answer["records"])) == (200, 1, ["000000000000"], 1)


def test_a_batch_of_thousands_is_shown_with_as_many_records_as_an_answer_holds(stack):
    answer = stack.upload(("crowd.pdf", documents.form(930)))[1]
    batch = answer["batch_id"]
    finished(stack, answer["job_ids"][0]["job_id"])
    many = 9_000
    with contextlib.closing(sqlite3.connect(f"{stack.folder}/var/records.db", timeout=60)) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(submissions)")]  # without the generated ones
        values = ["printf('%012x', n)" if c == "submission_id" else "n + 1" if c == "chunk_index" else c for c in columns]
        db.execute(f"WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {many}) INSERT INTO submissions "
                   f"({', '.join(columns)}) SELECT {', '.join(values)} FROM submissions, counted WHERE upload_batch_id = ?", [batch])
        db.commit()
    status, shown = stack.get(f"/api/batches/{batch}")
    assert status == 200, shown
    assert (len(shown["records"]), shown["records_total"]) == (1000, many + 1)
    assert shown["records"][:2] == stack.get(f"/api/records?limit=2&batch={batch}")[1]["records"]


def test_an_export_for_http_1_0_is_the_file_and_nothing_else(stack):
    with socket.create_connection(("127.0.0.1", stack.base), timeout=60) as connection:
        connection.sendall(b"GET /export?batch=none HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in head and body == stack.get("/export?batch=none")[1]


def test_a_list_of_jobs_that_cannot_be_read_is_not_answered_with_another(stack):
    batch = stack.post("/api/batches", {})[1]["batch_id"]
    assert stack.get("/api/batch_status", Cookie=f"sheaf_batch={batch}")[0] == 200
    status, answer = stack.get("/api/batch_status?job_ids=%zz", Cookie=f"sheaf_batch={batch}")
    assert (status, answer["code"]) == (400, "bad_request")


def test_what_needs_the_records_says_so_while_they_are_away(stack):
    answer = stack.upload(("away.pdf", documents.form(927)))[1]
    finished(stack, answer["job_ids"][0]["job_id"])
    (record,) = stack.get(f"/api/records?batch={answer['batch_id']}")[1]["records"]
    asks = [("POST", f"/api/records/{record['submission_id']}/reprocess"), ("GET", f"/api/batches/{answer['batch_id']}"),
            ("GET", f"/api/records/{record['submission_id']}"), ("GET", "/export")]
    stack["persist-svc"].kill()
    try:
        for method, path in asks:
            status, answer = stack.ask(method, path, b"" if method == "POST" else None, {})
            assert (status, answer["code"]) == (503, "unavailable"), path
    finally:
        stack.start("persist-svc")
        stack.wait_ready("persist-svc")


def test_a_workbook_holds_what_the_csv_holds_and_no_formula(stack):
    answer = stack.upload(("book.pdf", documents.form(925)))[1]
    finished(stack, answer["job_ids"][0]["job_id"])
    (record,) = stack.get(f"/api/records?batch={answer['batch_id']}")[1]["records"]
    odd = "=A1 & <Sons> _x0041_ \u00f1"
    assert stack.post("/api/records/" + record["submission_id"], {"teacher_name": odd}, method="PATCH")[0] == 200
    query = f"?mode=all&batch={answer['batch_id']}"
    status, book = stack.get(f"/export{query}&format=xlsx")
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(book)) as z:
        assert z.testzip() is None
        for name in z.namelist():
            xml.etree.ElementTree.fromstring(z.read(name))
        sheet = xml.etree.ElementTree.fromstring(z.read("xl/worksheets/sheet1.xml"))
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    def read(cell):  # a character may be written by its number (ECMA-376, 22.9.2.19)
        return re.sub("_x([0-9A-Fa-f]{4})_", lambda number: chr(int(number[1], 16)), "".join(cell.itertext()))
    rows = [[read(cell) for cell in row] for row in sheet.iter(space + "row")]
    assert not list(sheet.iter(space + "f"))
    lines = list(csv.reader(io.StringIO(stack.get(f"/export{query}&format=csv")[1].decode())))
    assert rows[0] == lines[0] and len(rows) == len(lines) == 2
    teacher = rows[0].index("teacher_name")
    assert rows[1][teacher] == odd and lines[1][teacher] == "'" + odd
    assert [c for i, c in enumerate(rows[1]) if i != teacher] == [c for i, c in enumerate(lines[1]) if i != teacher]
    assert stack.get("/export?format=pdf")[0] == 400


# ---- for operators -----------------------------------------------------------------------------------------

def test_a_buried_task_is_shown_with_its_reason_and_can_be_kicked_or_dropped(stack):
    job = failed_job(stack, "kick me")
    (task,) = [t for t in stack.get("/api/admin/dead")[1]["tasks"] if t["job_id"] == job]
    assert task["stage"] == "inspect" and task["code"] and task["error"] and task["filename"] == "kick me.pdf"
    assert stack.post(f"/api/admin/dead/{task['task']}/kick")[0] == 202
    assert finished(stack, job)["status"] == "failed"
    wait_for(lambda: task["task"] in [t["task"] for t in stack.get("/api/admin/dead")[1]["tasks"]], what="a second burial")
    assert stack.post(f"/api/admin/dead/{task['task']}/drop")[0] == 202
    assert task["task"] not in [t["task"] for t in stack.get("/api/admin/dead")[1]["tasks"]]
    assert stack.post(f"/api/admin/dead/{task['task']}/drop")[0] == 404
    for nonsense in ("x", "inspect:x:0", "inspect:" + job, f"inspect:{job}:0:0", f"inspect:{job}:-1"):
        assert stack.post(f"/api/admin/dead/{nonsense}/kick")[0] == 404


def test_all_buried_tasks_of_a_stage_are_kicked_at_once(stack):
    jobs = [failed_job(stack, f"many {n}") for n in range(3)]
    status, answer = stack.post("/api/admin/dead/kick?stage=inspect")
    assert status == 202 and answer["kicked"] >= 3
    assert [finished(stack, job)["status"] for job in jobs] == ["failed"] * 3
    for stage in ("%zz", "%00", "nonsense", "inspect-and-more"):  # which is not "all of them"
        status, answer = stack.post(f"/api/admin/dead/kick?stage={stage}")
        assert (status, answer["code"]) == (400, "bad_request"), stage
    assert stack.post("/api/admin/dead/kick?stage=save")[1]["kicked"] == 0


def test_a_paused_stage_begins_nothing_and_goes_on_when_resumed(stack):
    assert stack.post("/api/admin/stages/inspect/pause")[1] == {"success": True, "stage": "inspect", "paused": True}
    job = stack.upload(("paused.pdf", documents.form(930)))[1]["job_ids"][0]["job_id"]
    store = lambda: [s for s in stack.get(f"/api/job_status/{job}")[1]["stages"] if s["stage"] == "store" and s["done"]]
    wait_for(store, what="the other branch, which is not paused")
    stage = next(s for s in stack.get("/api/worker_status")[1]["stages"] if s["stage"] == "inspect")
    assert stage["paused"] is True and stage["waiting"] == 1
    status, answer = stack.post("/api/admin/stages/inspect/drain")
    assert status == 200 and answer["drained"] is True and answer["in_flight"] == 0
    assert stack.post("/api/admin/stages/inspect/resume")[0] == 200
    assert finished(stack, job)["status"] == "finished"
    assert stack.post("/api/admin/stages/nonsense/pause")[0] == 404


def test_queues_tell_what_was_done_and_how_fast(stack):
    job = stack.upload(("counted.pdf", documents.form(931)))[1]["job_ids"][0]["job_id"]
    finished(stack, job)

    def counted():
        stages = {s["stage"]: s for s in stack.get("/api/queues")[1]["stages"]}
        return stages if stages["save"]["done"] and stages["save"]["per_minute"] > 0 else None
    stages = wait_for(counted, 30, "counts")
    assert all(stages[s]["done"] > 0 for s in ("store", "inspect", "page", "split", "extract", "save"))


def test_a_log_level_reaches_every_service_and_ends(stack):
    def changes(name):
        return [line["now"] for line in map(json.loads, stack.log(name).splitlines()) if line["event"] == "log_level"]
    assert stack.put("/api/admin/log", {"level": "debug", "minutes": 5})[0] == 200
    assert stack.redis.ttl("sheaf:log:ocr-svc") > 0
    wait_for(lambda: all(changes(name) for name in SIX), 30, "every service at debug")
    assert stack.put("/api/admin/log", {"level": None})[0] == 200
    assert not stack.redis.keys("sheaf:log:*")
    wait_for(lambda: all(len(changes(name)) == 2 for name in SIX), 30, "every service as it was configured")
    assert stack.put("/api/admin/log", {"level": "warn", "service": "llm-svc"})[0] == 200
    wait_for(lambda: len(changes("llm-svc")) == 3, 30, "one service")
    assert len(changes("ocr-svc")) == 2
    assert stack.put("/api/admin/log", {"level": None})[0] == 200
    for bad in ({}, {"level": "loud"}, {"level": "info", "service": "redis"}, {"level": "info", "minutes": 0}):
        assert stack.put("/api/admin/log", bad)[0] == 400


def test_what_is_known_of_providers_names_what_is_throttled(stack):
    now = stack.redis.time()[0] * 1000
    stack.redis.sadd("sheaf:throttles", "groq")
    stack.redis.hset("sheaf:throttle:groq", mapping={"until": now + 60000, "why": "It asked to wait.", "types": "extract", "fails": 0})
    status, answer = stack.get("/api/admin/providers")
    assert status == 200
    (groq,) = [p for p in answer["providers"] if p["provider"] == "groq"]
    assert groq["paused"] and 50 < groq["paused_s"] <= 61 and groq["why"] == "It asked to wait." and groq["breaker"] == "closed"
    assert {w["service"] for w in answer["workers"]} >= {"ocr-svc", "llm-svc"}

    def breaker():
        return [p["breaker"] for p in stack.get("/api/admin/providers")[1]["providers"] if p["provider"] == "groq"]
    stack.redis.hset("sheaf:throttle:groq", "opened", 1)
    assert breaker() == ["open"]
    stack.redis.hset("sheaf:throttle:groq", "until", 0)
    assert breaker() == ["half_open"]
    stack.redis.delete("sheaf:throttle:groq", "sheaf:throttles")


def test_each_stage_says_by_whom_it_is_done_and_what_it_waits_for(stack):
    def stages():
        return {s["stage"]: s for s in stack.get("/api/admin/providers")[1]["stages"]}
    assert {name: s["via"] for name, s in stages().items()} == {
        "store": ["folder"], "inspect": [], "page": ["tesseract"], "split": [], "extract": ["rules"], "save": ["sqlite"], "notify": ["outbox"]}
    wait_for(lambda: {s["waits_for"] for s in stages().values()} == {None}, 30, "the end of an earlier test's pause")
    wait_for(lambda: all(s["workers"] == 1 for s in stages().values()), what="each one's worker")
    now = stack.redis.time()[0] * 1000
    stack.redis.sadd("sheaf:throttles", "groq")
    stack.redis.hset("sheaf:throttle:groq", mapping={"until": now + 60000, "why": "Waiting for Groq.", "types": "extract"})
    try:
        assert stack.post("/api/admin/stages/split/pause")[0] == 200
        wait_for(lambda: (stages()["extract"]["waits_for"] or "").startswith("Waiting for Groq. It goes on at about"), 30, "the pause")
        found = stages()
        assert "operator" in found["split"]["waits_for"] and found["page"]["waits_for"] is None
    finally:
        stack.post("/api/admin/stages/split/resume")
        stack.redis.delete("sheaf:throttle:groq", "sheaf:throttles")


def test_a_notice_that_was_given_up_is_kicked_by_itself(stack):
    job = stack.upload(("mail.pdf", documents.form(950)))[1]["job_ids"][0]["job_id"]
    finished(stack, job)
    mails = lambda: [p for p in pathlib.Path(stack.folder).glob("var/outbox/*.eml") if job in p.read_text()]
    wait_for(mails, what="its mail")
    for p in mails():
        p.unlink()
    member = f"notify {job} 0"
    stack.redis.zadd("sheaf:{00}:dead", {member: 1_700_000_000_000})
    stack.redis.hset("sheaf:{00}:deadwhy", member, json.dumps({"code": "timeout", "text": "no answer"}))
    assert stack.post(f"/api/admin/dead/notify:{job}:0/kick")[0] == 202
    assert stack.redis.zscore("sheaf:{00}:dead", member) is None
