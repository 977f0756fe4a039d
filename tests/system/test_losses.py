"""What must cost nothing, and what must not go on for ever: a worker told to end, a document that ends its workers, a gateway in
front of a Redis that is full or is not the one it was set up for, an upload that breaks off."""
import pathlib
import signal
import socket

import pytest

import documents
from engine import SHARD, token_of
from stack import Stack, http, wait_for

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")


def held(stack, stage):
    """(entry, consumer, deliveries) of what is in hand."""
    try:
        rows = stack.redis.xpending_range(SHARD + "tasks:" + stage, "dispatchers", "-", "+", 100)
    except Exception:
        return []
    return [row for row in rows if row["consumer"] != "~returned"]


def wait_for_a_page_in_work(stack):
    """At its worker, that is: what only the dispatcher has taken goes back when its worker ends, whatever the grace."""
    wait_for(lambda: stack.metric_of_now("ocr-svc", 'sheaf_stage_working{type="page"}'), 60, "a page in work")


def test_a_real_worker_told_to_end_hands_back_without_spending_an_attempt():
    with Stack(*SIX, SHEAF_OCR="null", SHEAF_NULL_OCR_DELAY="20s", SHEAF_DRAIN="0s") as s:
        status, answer = s.upload(("slow.pdf", documents.form(1)))
        assert status == 202
        wait_for_a_page_in_work(s)
        (entry,) = [row["message_id"] for row in held(s, "page")]
        assert s["ocr-svc"].stop() == 0
        wait_for(lambda: not held(s, "page"), 20, "the page handed back")
        # The same entry waits: its attempt and losses are those of the first delivery.
        ((same, fields),) = s.redis.xrange(SHARD + "tasks:page")
        job, run, index, attempt, losses = fields["t"].split()[:5]
        assert (same, attempt, losses) == (entry, "1", "0")
        s.start("ocr-svc", SHEAF_NULL_OCR_DELAY="0s")
        assert s.batch_done(answer["batch_id"], 60)["completed"] == 1
        assert token_of(s.redis, job, "page").split(".")[1] == "1"


def test_a_real_worker_told_to_end_finishes_what_it_can_within_its_grace():
    with Stack(*SIX, SHEAF_OCR="null", SHEAF_NULL_OCR_DELAY="6s", SHEAF_DRAIN="30s") as s:
        status, answer = s.upload(("slow.pdf", documents.form(2)))
        assert status == 202
        wait_for_a_page_in_work(s)
        assert s["ocr-svc"].stop() == 0
        assert s.batch_done(answer["batch_id"], 60)["completed"] == 1


def test_a_page_that_ends_its_worker_three_times_is_buried_and_others_go_on():
    with Stack(*SIX, SHEAF_OCR="null", SHEAF_NULL_OCR_DELAY="9m") as s:
        status, poisoned = s.upload(("ends-its-reader.pdf", documents.form(3)))
        assert status == 202
        job = poisoned["job_ids"][0]["job_id"]
        for _ in range(3):
            wait_for_a_page_in_work(s)
            s["ocr-svc"].kill()
            s.start("ocr-svc")
        done = s.batch_done(poisoned["batch_id"], 60)
        assert done["failed"] == 1, done
        told = s.get(f"/api/job_status/{job}")[1]
        assert told["error"]["code"] == "poison" and "3 times" in told["error"]["text"] and "page 1" in told["error"]["text"], told
        assert s.redis.zcard(SHARD + "dead") == 1
        # Its original is kept, and the next document is read.
        s["ocr-svc"].kill()
        s.start("ocr-svc", SHEAF_NULL_OCR_DELAY="0s")
        status, sound = s.upload(("sound.pdf", documents.form(4)))
        assert s.batch_done(sound["batch_id"], 60)["completed"] == 1
        # A person takes it up again, with a reader that bears it.
        assert s.post(f"/api/jobs/{job}/retry")[0] == 202
        wait_for(lambda: s.get(f"/api/job_status/{job}")[1]["status"] == "finished", 60, "the second run")
        assert s.redis.zcard(SHARD + "dead") == 0


def test_uploads_are_refused_before_full_memory_bites_and_what_was_accepted_goes_on():
    with Stack(*SIX, SHEAF_OCR="null", SHEAF_NULL_OCR_DELAY="3s") as s:
        status, accepted = s.upload(("before.pdf", documents.form(5)))
        assert status == 202
        # Above 0.9 of its limit and well below all of it: Redis itself still takes every write.
        s.redis.set("ballast", b"x" * 30_000_000)
        wait_for(lambda: s.redis.info("memory")["used_memory"] < 45_000_000, 60, "what carried the ballast in to be gone")
        s.redis.config_set("maxmemory", int(s.redis.info("memory")["used_memory"] / 0.94))
        def refused():
            status, head, body = http("POST", s.url("/api/v1/documents?filename=a.pdf"), documents.form(6))
            return (status, head, body) if status == 503 else None
        status, head, body = wait_for(refused, 20, "a 503")
        assert b"queue_full" in body and int(head["Retry-After"]) > 0
        assert s.batch_done(accepted["batch_id"], 60)["completed"] == 1
        s.redis.delete("ballast")
        wait_for(lambda: s.upload(("after.pdf", documents.form(7)))[0] == 202, 20, "an upload that is taken")


def test_a_gateway_with_another_shard_count_than_the_first_is_refused():
    with Stack("dispatcher", "gateway") as s:
        s["gateway"].kill()
        assert s.redis.get("sheaf:shards") == "1"
        s.start("gateway", SHEAF_SHARDS="2")
        # Mistaken settings end a service with 100, and it says what was found and what was asked for.
        assert wait_for(lambda: s["gateway"].process.poll(), 20, "the gateway's end") == 100
        assert "SHEAF_SHARDS" in s.log("gateway")


@pytest.mark.parametrize("how", [signal.SIGKILL, None], ids=["client dies", "client stalls"])
def test_an_upload_that_breaks_off_in_the_middle_leaves_no_batch_and_no_file(how):
    with Stack("dispatcher", "gateway", SHEAF_UPLOAD_IDLE="5s") as s:
        body = (b'--bbbbbb\r\nContent-Disposition: form-data; name="files"; filename="whole.pdf"\r\n\r\n' + documents.form(8) +
                b'\r\n--bbbbbb\r\nContent-Disposition: form-data; name="files"; filename="half.pdf"\r\n\r\n%PDF-1.4 ' + b"x" * 300_000)
        head = (f"POST /upload HTTP/1.1\r\nHost: 127.0.0.1:{s.base}\r\nContent-Type: multipart/form-data; boundary=bbbbbb\r\n"
                f"Idempotency-Key: half\r\nContent-Length: {len(body) + 500_000}\r\n\r\n").encode()
        blobs = pathlib.Path(s.folder) / "var" / "blobs"
        with socket.create_connection(("127.0.0.1", s.base)) as c:
            c.sendall(head + body)
            wait_for(lambda: any(p.is_file() for p in blobs.rglob("*")), 30, "the first file on its way")
            if how is None:
                c.settimeout(30)
                while c.recv(4096):  # the gateway ends it
                    pass
        wait_for(lambda: not any(p.is_file() for p in blobs.rglob("*")), 20, "an empty blob folder")
        assert not list(s.redis.scan_iter(SHARD + "job:*")) and not list(s.redis.scan_iter(SHARD + "batch:*"))
        # The same request again, whole, is a first one.
        status, answer = s.upload(("whole.pdf", documents.form(8)), ("half.pdf", documents.form(9)), key="half")
        assert status == 202 and answer["total"] == 2 and not any(row["is_duplicate"] for row in answer["job_ids"])
