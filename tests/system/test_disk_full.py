"""This machine's own disk is full, or its database locked by somebody's tool: what was accepted waits, and nothing is spent."""
import contextlib
import os
import pathlib
import sqlite3
import subprocess
import time

import pytest

from documents import form
from stack import SLOW, Stack, wait_for

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
QUICK = {"SHEAF_OCR": "null", "SHEAF_LLM": "null", "SHEAF_MAX_ATTEMPTS": 2}


def upload(stack, first, n):
    status, answer = stack.upload(*((f"form{k}.pdf", form(k)) for k in range(first, first + n)))
    assert status == 202, answer
    return answer


def check_rows(database, n):
    with contextlib.closing(sqlite3.connect(database)) as db:
        assert db.execute("SELECT count(*), count(DISTINCT submission_id), max(attempt) FROM submissions").fetchone() == (n, n, 1)


def said(stack, answer, words):
    """On the page of any of the jobs: those behind them do not even begin."""
    jobs = [j["job_id"] for j in answer["job_ids"]]
    wait_for(lambda: any(words in (stack.get(f"/api/job_status/{j}")[1].get("status_message") or "") for j in jobs), 60, "the reason")


def test_a_database_that_another_program_locks_for_longer_than_all_attempts_is_waited_for():
    with Stack(*SIX, **QUICK) as s:
        database = s.folder + "/var/records.db"
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = upload(s, 0, 40)
            said(s, answer, "locked")
            assert s.get("/api/records")[0] == 200  # reading goes on
            time.sleep(14 * SLOW)  # each of two attempts would wait 5 s for the lock
            assert s.get(f"/api/batch_status?batch_id={answer['batch_id']}")[1]["failed"] == 0
            other.execute("ROLLBACK")
        assert s.batch_done(answer["batch_id"], 60)["completed"] == 40
        check_rows(database, 40)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB; only root may mount one."""
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", tmp_path], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.mark.parametrize("stage", ["page", "save"])
def test_a_full_disk_is_waited_for_and_an_upload_is_told_to_come_again(small_disk, stage):
    def fill():
        with open(ballast, "ab", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))

    ballast = pathlib.Path(small_disk) / "ballast"
    with Stack(*SIX, SHEAF_VAR=small_disk / "var", **QUICK) as s:
        assert s.batch_done(upload(s, 0, 2)["batch_id"], 60)["completed"] == 2
        assert s.post(f"/api/admin/stages/{stage}/pause")[0] == 200
        answer = upload(s, 100, 30)
        wait_for(lambda: [x["waiting"] for x in s.get("/api/admin/providers")[1]["stages"] if x["stage"] == stage] == [30], 60, "all at the stage")
        fill()
        assert s.post(f"/api/admin/stages/{stage}/resume")[0] == 200
        said(s, answer, "room on the disk")
        until = time.monotonic() + 5 * SLOW
        while time.monotonic() < until:
            fill()  # what little became free meanwhile
            assert s.get(f"/api/batch_status?batch_id={answer['batch_id']}")[1]["failed"] == 0
            time.sleep(0.1)
        fill()
        status, refused = s.upload(("more.pdf", form(500)))
        assert status == 503, refused
        ballast.unlink()
        assert s.batch_done(answer["batch_id"], 60)["completed"] == 30
        check_rows(small_disk / "var" / "records.db", 32)
