"""Clocks that are wrong: what counts is Redis's clock and time that has passed, never a machine's idea of the hour."""
import pathlib

import pytest

import documents
from engine import SHARD, token_of
from stack import Stack, wait_for

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
pytestmark = pytest.mark.skipif(not LIBRARY, reason="libfaketime is not installed")
SKEW = {"gateway": "-10m", "dispatcher": "+1h", "ocr-svc": "-1h", "llm-svc": "+1d", "persist-svc": "-1d", "notify-svc": "+1h"}


def at(skew):
    return {"LD_PRELOAD": str(LIBRARY), "FAKETIME": skew, "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}


def test_services_whose_clocks_disagree_by_hours_finish_every_job_once_though_a_dispatcher_dies():
    with Stack(SHEAF_OCR="null", SHEAF_NULL_OCR_DELAY="500ms", SHEAF_LEASE="3s", SHEAF_JOB_TIME="60s") as s:
        for name, skew in SKEW.items():
            s.start(name, **at(skew))
        for name in SKEW:
            s.wait_ready(name)
        assert s.log("llm-svc")[7:17] != s.log("persist-svc")[7:17]  # they do live in different days
        status, answer = s.upload(*((f"{n}.pdf", documents.form(n)) for n in range(10)))
        assert status == 202, answer
        wait_for(lambda: s.redis.exists(SHARD + "tasks:page") and s.redis.xpending(SHARD + "tasks:page", "dispatchers")["pending"], 60, "pages in hand")
        s["dispatcher"].kill()
        s.start("dispatcher", **at("-1d"))
        assert s.batch_done(answer["batch_id"], 60)["completed"] == 10
        assert s.get("/api/records?limit=1")[1]["total"] == 10
        assert s.redis.zcard(SHARD + "dead") == 0
        # A restart's idle time is not mistaken for somebody's death: every page was done in its first attempt.
        for row in answer["job_ids"]:
            assert token_of(s.redis, row["job_id"], "page").split(".")[1] == "1"
