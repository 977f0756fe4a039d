"""Word documents through the whole stack: with the real LibreOffice where there is one, with scripts in its place, and without.

What becomes of a stand-in that hangs, dies or writes rubbish is told apart in tests/unit/ocr-svc/office_test.c."""
import http.server
import pathlib
import shutil
import subprocess
import threading

import pytest

import documents
import word
from stack import Stack, wait_for

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
SOFFICE = shutil.which("soffice")
real = pytest.mark.skipif(not SOFFICE, reason="LibreOffice is not installed (libreoffice-writer-nogui)")


@pytest.fixture(scope="module")
def stack():
    """One with the real LibreOffice."""
    with Stack(*SIX, SHEAF_THREADS=1, SHEAF_OFFICE=SOFFICE) as s:
        yield s


def ended(stack, name, data):
    status, answer = stack.upload((name, data))
    assert status == 202, answer
    return stack.job_done(answer["job_ids"][0]["job_id"], timeout=120)


def records(stack, job):
    return [stack.get(f"/api/records/{id}")[1]["record"] for id in job["result"]["submission_ids"]]


def left_behind(stack):
    return [p.name for p in pathlib.Path(stack.folder, "var", "office").glob("*")]


@real
def test_a_docx_becomes_its_record(stack):
    job = ended(stack, "form.docx", word.docx([documents.form_lines(7)]))
    record, = records(stack, job)
    assert {k: record[k] for k in documents.student(7)} == documents.student(7)
    assert record["word_count"] > 50 and left_behind(stack) == []


@real
def test_its_pages_are_read_one_by_one(stack):
    job = ended(stack, "two.docx", word.docx([documents.form_lines(8), documents.form_lines(9)]))
    assert [r["student_name"] for r in records(stack, job)] == [documents.student(8)["student_name"], documents.student(9)["student_name"]]


@real
def test_an_old_doc_becomes_its_record(stack, tmp_path):
    (tmp_path / "form.docx").write_bytes(word.docx([documents.form_lines(10)]))
    subprocess.run([SOFFICE, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "doc:MS Word 97", "--outdir",
                    tmp_path, tmp_path / "form.docx"], check=True, capture_output=True, timeout=300)
    job = ended(stack, "form.doc", (tmp_path / "form.doc").read_bytes())
    assert records(stack, job)[0]["student_name"] == documents.student(10)["student_name"]


@real
def test_nothing_that_it_links_to_is_fetched(stack, tmp_path):
    asked = []

    class Server(http.server.BaseHTTPRequestHandler):
        def handle(self):
            asked.append(self.client_address)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        job = ended(stack, "link.docx", word.docx([documents.form_lines(11)], picture=f"http://127.0.0.1:{server.server_port}/x.png"))
        server.shutdown()
    assert job["status"] == "finished" and asked == []


@real
def test_rubbish_in_a_word_documents_clothes_is_damaged(stack):
    job = ended(stack, "broken.docx", word.docx([documents.form_lines(12)])[:900])
    assert job["status"] == "failed" and job["error"]["code"] == "damaged" and "LibreOffice" in job["error"]["text"]
    assert left_behind(stack) == []


def test_a_password_is_named():
    with Stack("dispatcher", "ocr-svc", "gateway", SHEAF_THREADS=1, SHEAF_OFFICE="none") as s:
        assert ended(s, "secret.docx", word.locked())["error"]["code"] == "encrypted"


def test_without_libreoffice_it_is_refused_by_that_name():
    with Stack("dispatcher", "ocr-svc", "gateway", SHEAF_THREADS=1, SHEAF_OFFICE="none") as s:
        job = ended(s, "form.docx", word.docx([["x"]]))
        assert job["error"]["code"] == "unsupported_type" and "LibreOffice" in job["error"]["text"]


def stand_in(tmp_path, *lines):
    path = tmp_path / "soffice"
    path.write_text("\n".join(["#!/bin/bash", *lines, ""]))
    path.chmod(0o700)
    return path


def test_service_killed_in_the_middle_leaves_nothing_running_and_nothing_behind(tmp_path):
    script = stand_in(tmp_path, f"echo $$ >{tmp_path}/pid.new", f"mv {tmp_path}/pid.new {tmp_path}/pid", "sleep 600")
    with Stack("dispatcher", "ocr-svc", "gateway", SHEAF_THREADS=1, SHEAF_OFFICE=script) as s:
        s.upload(("form.docx", word.docx([["x"]])))
        wait_for(lambda: (tmp_path / "pid").exists() and left_behind(s), what="a conversion")
        pid = int((tmp_path / "pid").read_text())
        s["ocr-svc"].kill()
        wait_for(lambda: not left_behind(s), what="a clean folder")
        wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), what="its end")
