"""Redis has done what it was asked, and the answer gets lost with the connection: asked again, nothing is done twice or undone."""
import hashlib
import pathlib

import documents
from engine import source
from relay import Relay
from stack import Stack, wait_for

WORKING = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc")


def test_an_upload_whose_enqueue_lost_its_reply_keeps_its_document():
    with Stack(SHEAF_OCR="null", SHEAF_LLM="null") as stack, Relay(stack.redis_socket) as relay:
        stack.start("gateway", REDIS_URL=relay.redis_url)
        stack.wait_ready("gateway")
        assert stack.upload(("before.pdf", documents.form(1)))[0] == 202  # Redis knows the script from now on
        trap = relay.cut_reply_to(hashlib.sha1(source("enqueue").encode()).hexdigest().encode())
        status, answer = stack.upload(("a.pdf", documents.form(2)), key="one")
        assert trap.is_set() and status == 202
        again, same = stack.upload(("a.pdf", documents.form(2)), key="one")
        assert again == 202 and same["job_ids"] == answer["job_ids"]
        for service in WORKING:  # only now, so that nobody can have read the document before it would be dropped
            stack.start(service)
        assert stack.batch_done(answer["batch_id"])["completed"] == 1
        originals = pathlib.Path(stack.folder, "var", "objects").rglob("original.pdf")
        assert [p.read_bytes() for p in originals].count(documents.form(2)) == 1


def test_a_document_that_an_earlier_delivery_has_fetched_already_is_fetched():
    with Stack("gateway", *WORKING, SHEAF_OCR="null", SHEAF_LLM="null") as stack:
        answer = stack.upload(("a.pdf", documents.form(3)))[1]
        stack.batch_done(answer["batch_id"])
        job = answer["job_ids"][0]["job_id"]
        stack.redis.hset("sheaf:{00}:job:" + job, "up", "gone")  # so that it must be fetched, and finds the blob in its place
        assert stack.post(f"/api/jobs/{job}/rerun?from=inspect")[0] == 202
        ended = wait_for(lambda: (s := stack.get(f"/api/job_status/{job}")[1])["status"] in ("finished", "failed") and s, what="its end")
        assert ended["status"] == "finished", ended.get("error")
