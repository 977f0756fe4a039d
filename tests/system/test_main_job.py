"""The whole stack, as a user meets it: real files in, real records out, through all six services."""
import json
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

import documents
from stack import SLOW, TOP, Stack, http, wait_for

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
SAMPLES = sorted(p for p in (TOP / "tests" / "fixtures" / "forms").glob("*") if p.suffix in (".pdf", ".png", ".jpg"))


@pytest.fixture(scope="module")
def stack():
    with Stack(*SIX) as s:
        yield s


def upload_all(stack, files):
    status, answer = stack.upload(*files)
    assert status == 202, answer
    return answer, stack.batch_done(answer["batch_id"], timeout=120)


def records_of(stack, batch):
    status, answer = stack.get(f"/api/records?batch={batch}&limit=500")
    assert status == 200
    return answer["records"]


# ---- the main job ------------------------------------------------------------------------------------------

def test_a_typed_form_becomes_a_record_with_its_original_and_its_message(stack):
    data = documents.form(1)
    answer, batch = upload_all(stack, [("one.pdf", data)])
    assert batch["completed"] == 1 and batch["failed"] == 0
    (record,) = records_of(stack, answer["batch_id"])
    for field, value in documents.student(1).items():
        assert record[field] == value
    assert record["word_count"] >= 50 and record["review_reason_codes"] == ""
    var = pathlib.Path(stack.folder) / "var"
    assert any(p.read_bytes() == data for p in var.glob("objects/**/original.pdf"))
    job = answer["job_ids"][0]["job_id"]
    mail = wait_for(lambda: [p for p in var.glob("outbox/*.eml") if job in p.read_text()], what="the message")
    assert len(mail) == 1 and "one.pdf" in mail[0].read_text()
    status, page = stack.get(f"/api/job_status/{job}")
    assert status == 200 and page["status"] == "finished"
    assert page["result"]["status"] == "success" and page["result"]["submission_ids"] == [record["submission_id"]]
    assert [s["done"] for s in page["stages"] if s["stage"] == "page"] == [1]


def test_every_sample_becomes_its_records(stack):
    assert SAMPLES
    answer, batch = upload_all(stack, [(p.name, p.read_bytes()) for p in SAMPLES])
    assert batch["completed"] == len(SAMPLES)
    assert len(records_of(stack, answer["batch_id"])) >= len(SAMPLES)


def test_a_scan_is_read_by_the_engine(stack):
    answer, _ = upload_all(stack, [("scan.png", documents.png(documents.form_lines(7)))])
    (record,) = records_of(stack, answer["batch_id"])
    assert record["student_name"] == documents.student(7)["student_name"]
    assert 0.5 < record["ocr_confidence_avg"] <= 1


def test_a_document_with_several_entries_becomes_one_record_each(stack):
    pages = [documents.form_lines(n) for n in (11, 12, 13)]
    answer, _ = upload_all(stack, [("three.pdf", documents.pdf(pages, note="three"))])
    records = sorted(records_of(stack, answer["batch_id"]), key=lambda r: r["chunk_index"])
    assert [r["student_name"] for r in records] == [documents.student(n)["student_name"] for n in (11, 12, 13)]
    assert len({r["parent_submission_id"] for r in records}) == 1


def test_the_same_file_again_updates_its_record_and_makes_no_second(stack):
    data = documents.form(21)
    first, _ = upload_all(stack, [("a.pdf", data)])
    second, _ = upload_all(stack, [("b.pdf", data)])
    assert second["job_ids"][0]["is_own_duplicate"] is True
    (record,) = records_of(stack, second["batch_id"])
    assert records_of(stack, first["batch_id"]) == [], "it is the same record, now of the later batch"
    assert record["student_name"] == documents.student(21)["student_name"]


def test_a_twelve_page_document_is_read_by_both_ocr_services_and_the_job_says_so(stack):
    second = stack.start("ocr-svc", "ocr-svc-2")
    wait_for(lambda: len([w for w in stack.get("/api/worker_status")[1]["stages"]
                          if w["stage"] == "page" and w["workers"] >= 2]) == 1, what="two ocr workers")
    pages = [["Page %d of a long essay" % n, *documents.wrap(documents.ESSAY, 80)] for n in range(12)]
    answer, batch = upload_all(stack, [("long.pdf", documents.scan_pdf(pages))])
    assert batch["completed"] == 1
    _, job = stack.get("/api/job_status/" + answer["job_ids"][0]["job_id"])
    (page,) = [s for s in job["stages"] if s["stage"] == "page"]
    assert page["done"] == page["total"] == 12
    assert len(page["workers"]) == 2
    assert second.stop() == 0


def test_an_idempotency_key_answers_again_and_other_bytes_conflict(stack):
    a = stack.upload(("k.pdf", documents.form(31)), key="key-31")
    b = stack.upload(("k.pdf", documents.form(31)), key="key-31")
    assert a[0] == b[0] == 202 and a[1]["job_ids"] == b[1]["job_ids"]
    status, answer = stack.upload(("k.pdf", documents.form(32)), key="key-31")
    assert status == 409 and answer["code"] == "conflict"
    stack.batch_done(a[1]["batch_id"])


def test_a_batch_over_several_requests_is_done_when_all_expected_are(stack):
    status, answer = stack.post("/api/batches", {"expected": 2})
    assert status == 201
    batch = answer["batch_id"]
    for n in (41, 42):
        assert stack.upload((f"{n}.pdf", documents.form(n)), fields=[("batch_id", batch)])[0] == 202
    done = stack.batch_done(batch)
    assert done["completed"] == done["total"] == 2
    assert stack.upload(("43.pdf", documents.form(43)), fields=[("batch_id", batch)])[0] == 409


def test_events_tell_of_a_job_as_it_goes(stack):
    answer = stack.upload(("e.pdf", documents.form(51)))[1]
    import urllib.request
    seen = []
    with urllib.request.urlopen(stack.url("/api/events?job_id=" + answer["job_ids"][0]["job_id"]), timeout=60) as stream:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            line = stream.readline().decode()
            if line.startswith("data:"):
                seen.append(json.loads(line[5:])["status"])
                if seen[-1] in ("finished", "failed"):
                    break
    assert seen[-1] == "finished"


def test_an_edit_wins_over_a_later_run(stack):
    answer, _ = upload_all(stack, [("edit.pdf", documents.form(61))])
    (record,) = records_of(stack, answer["batch_id"])
    path = "/api/records/" + record["submission_id"]
    status, edited = stack.post(path, {"student_name": "Typed By Hand"}, method="PATCH", If_Match=record["updated_at"])
    assert status == 200, edited
    assert stack.post(path, {"grade": "3"}, method="PATCH", If_Match=record["updated_at"])[0] == 412
    job = answer["job_ids"][0]["job_id"]
    assert stack.post(f"/api/jobs/{job}/rerun?from=extract")[0] == 202
    wait_for(lambda: stack.get(f"/api/job_status/{job}")[1]["status"] == "finished")
    assert stack.get(path)[1]["record"]["student_name"] == "Typed By Hand"


def test_csv_export_has_the_columns_in_their_order(stack):
    status, head, body = http("GET", stack.url("/export?format=csv"))
    assert status == 200 and "attachment" in head["Content-Disposition"]
    assert body.decode("utf-8-sig").splitlines()[0].startswith(
        "submission_id,student_name,school_name,grade,teacher_name,city_or_location,father_figure_name,phone,email,word_count,"
        "ocr_confidence_avg,review_reason_codes,artifact_dir,filename,pdf_url")


# ---- bad input --------------------------------------------------------------------------------------------------

def fails_with(stack, name, data):
    status, answer = stack.upload((name, data))
    assert status == 202, answer
    stack.batch_done(answer["batch_id"])
    return stack.get("/api/job_status/" + answer["job_ids"][0]["job_id"])[1]


def test_an_empty_file_is_refused(stack):
    status, answer = stack.upload(("empty.pdf", b""))
    assert (status, answer["code"]) == (400, "empty_file")


def test_text_named_pdf_is_refused_by_its_content(stack):
    status, answer = stack.upload(("letter.pdf", b"Dear Sir or Madam,\n"))
    assert (status, answer["code"]) == (400, "unsupported_type")


def test_one_bad_file_among_good_ones_is_an_entry_of_errors(stack):
    status, answer = stack.upload(("good.pdf", documents.form(71)), ("bad.pdf", b"nonsense"))
    assert status == 202 and answer["total"] == 1 and "bad.pdf" in answer["errors"][0]
    stack.batch_done(answer["batch_id"])


def test_a_truncated_pdf_fails_as_damaged(stack):
    data = documents.form(72)
    job = fails_with(stack, "cut.pdf", data[:300])
    assert job["status"] == "failed" and job["error"]["code"] in ("damaged", "no_pages")


def test_a_pdf_without_pages_fails_with_its_reason(stack):
    job = fails_with(stack, "none.pdf", documents.pdf([], note="no pages"))
    assert job["status"] == "failed" and job["error"]["code"] == "no_pages"


def test_an_encrypted_pdf_fails_with_its_reason(stack):
    pytest.importorskip("reportlab")
    import io
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas
    out = io.BytesIO()
    canvas = Canvas(out, encrypt=StandardEncryption("secret", canPrint=0))
    canvas.drawString(72, 720, "closed")
    canvas.save()
    job = fails_with(stack, "locked.pdf", out.getvalue())
    assert job["status"] == "failed" and job["error"]["code"] == "encrypted"


def test_two_hundred_megabytes_are_refused_without_being_read(stack):
    import socket
    with socket.create_connection(("127.0.0.1", stack.base), timeout=20) as s:
        s.sendall(b"POST /upload HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % stack.base +
                  b"Content-Type: multipart/form-data; boundary=bbbbb\r\n"
                  b"Content-Length: 250000000\r\n\r\n--bbbbb\r\n")
        answer = s.recv(4096).decode()
    assert " 413 " in answer and "too_large" in answer


def test_broken_multipart_is_refused_and_leaves_nothing(stack):
    blobs = pathlib.Path(stack.folder) / "var" / "blobs"
    before = len(list(blobs.rglob("*.upload")))
    for body, kind in ((b"--b\r\nnonsense", "multipart/form-data; boundary=bbbbbb"), (b"x", "multipart/form-data"),
                       (b'--bbbbbb\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n%PDF-1.4 cut off',
                        "multipart/form-data; boundary=bbbbbb")):
        status, _, answer = http("POST", stack.url("/upload"), body, {"Content-Type": kind})
        assert status == 400 and json.loads(answer)["code"] == "bad_multipart"
    assert len(list(blobs.rglob("*.upload"))) <= before


def test_unknown_ids_are_404_in_json(stack):
    for path in ("/api/job_status/00000000-0000-8000-8000-000000000000", "/api/batch_status?batch_id=nope", "/api/records/nope",
                 "/api/nothing", "/api/job_status/..%2f..%2fetc"):
        status, answer = stack.get(path)
        assert status == 404, path
        assert isinstance(answer, dict)


def test_a_file_name_with_path_quotes_and_emoji_is_harmless_and_kept_readable(stack):
    name = '../../etc/"my" essay 🦆.pdf'
    status, answer = stack.upload((name, documents.form(73)))
    assert status == 202
    shown = answer["job_ids"][0]["filename"]
    assert "/" not in shown and "🦆" in shown and "essay" in shown
    stack.batch_done(answer["batch_id"])
    (record,) = records_of(stack, answer["batch_id"])
    assert record["filename"] == shown


# ---- anything may die --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("victim", SIX)
def test_kill_9_in_the_middle_of_fifty_uploads_loses_nothing_and_doubles_nothing(victim):
    with Stack(*SIX, SHEAF_LEASE="3s") as stack:
        answers = {}

        def send(n):
            until = time.monotonic() + 120 * SLOW
            while time.monotonic() < until:  # what has no answer is repeated with its key
                try:
                    status, answer = stack.upload((f"{n}.pdf", documents.form(n)), key=f"upload-{n}", timeout=20)
                    if status == 202:
                        answers[n] = answer
                        return
                except OSError:
                    pass
                time.sleep(0.1)

        threads = [threading.Thread(target=lambda first=first: [send(n) for n in range(first, 50, 4)]) for first in range(4)]
        for t in threads:
            t.start()
        wait_for(lambda: len(answers) >= 12, timeout=120, what="a dozen answers")
        stack[victim].kill()
        time.sleep(0.3)
        stack[victim].start()
        for t in threads:
            t.join()
        assert len(answers) == 50
        for answer in answers.values():
            status = stack.batch_done(answer["batch_id"], timeout=90)
            assert status["completed"] == 1, status
        jobs = {a["job_ids"][0]["job_id"] for a in answers.values()}
        assert len(jobs) == 50
        records = stack.get("/api/records?limit=500")[1]["records"]
        assert len(records) == 50
        var = pathlib.Path(stack.folder) / "var"
        assert len(list(var.glob("objects/**/original.pdf"))) == 50
        mails = wait_for(lambda: [m for m in [list(var.glob("outbox/*.eml"))] if len(m) >= 50], 60, "fifty messages")[0]
        assert len(mails) == 50


# ---- at rest ---------------------------------------------------------------------------------------------------------

def test_nothing_personal_is_in_any_log(stack):
    text = "".join(p.read_text(errors="replace") for p in pathlib.Path(stack.folder).glob("*.log"))
    for n in (1, 7, 11, 12, 13, 61):
        assert documents.student(n)["student_name"] not in text
    assert "Typed By Hand" not in text


def test_a_sigterm_ends_every_service_with_zero(stack):
    for name in ("gateway", "ocr-svc", "llm-svc", "persist-svc", "notify-svc", "dispatcher"):
        assert stack[name].stop() == 0, stack.log(name)[-1500:]
