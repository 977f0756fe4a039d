"""Google Vision, with the whole stack around it and a fake that validates what it gets."""
import io
import pathlib
import random
import signal
import time

import pytest

import documents
from relay import Relay
from stack import SLOW, Stack, wait_for
from fakes.base import Answer
from fakes.vision import Vision

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")


@pytest.fixture(scope="module")
def vision():
    with Vision(documents.form_lines(7)) as fake:
        yield fake


@pytest.fixture(scope="module")
def stack(vision):
    with Stack(*SIX, SHEAF_LLM="rules", **vision.env()) as s:
        yield s


@pytest.fixture(autouse=True)
def content(vision):
    vision.script.clear()
    vision.complaints.clear()
    yield
    assert vision.complaints == []


def scan(n, pages=1):
    return documents.scan_pdf([documents.form_lines(n) + [f"page {i}"] for i in range(pages)])


def upload(stack, *files):
    status, answer = stack.upload(*[(f"{i}.pdf", data) for i, data in enumerate(files)])
    assert status == 202, answer
    return answer


def one_job(stack, data, timeout=60):
    return stack.job_done(upload(stack, data)["job_ids"][0]["job_id"], timeout)


def test_credentials_alone_turn_it_on_and_a_scan_becomes_its_record(stack, vision):
    assert '"ocr":"google"' in stack.log("ocr-svc")
    answer = upload(stack, scan(1))
    stack.batch_done(answer["batch_id"])
    status, found = stack.get(f"/api/records?batch={answer['batch_id']}")
    (record,) = found["records"]
    for field, value in documents.student(7).items():  # what the fake reads, not what the scan shows
        assert record[field] == value
    assert record["ocr_confidence_avg"] == pytest.approx(0.97, abs=0.01)
    assert vision.grants == 1


def test_a_page_without_text_is_empty_and_no_failure(stack, vision):
    vision.script.append(Answer(200, {"responses": [{}]}))
    job = one_job(stack, scan(2))
    assert job["status"] == "finished"


@pytest.mark.parametrize("number", [4, 13, 14])
def test_trouble_of_its_own_is_tried_again(stack, vision, number):
    before = vision.pages
    vision.script.append(vision.error(number) if number != 13 else vision.image_error(number))
    assert one_job(stack, scan(10 + number))["status"] == "finished"
    assert vision.pages == before + 1


def test_bad_image_data_is_asked_once_more_and_then_is_the_pages_fault(stack, vision):
    vision.script.append(vision.image_error(3))
    assert one_job(stack, scan(30))["status"] == "finished"
    calls = vision.calls
    vision.script.extend([vision.image_error(3), vision.image_error(3)])
    job = one_job(stack, scan(31))
    assert vision.calls == calls + 2
    assert job["status"] == "failed" and "could be read" in job["error"]["text"]


def test_an_answer_that_is_cut_is_tried_again(stack, vision):
    vision.script.extend([Answer(200, '{"responses":[{"fullText'), Answer(cut=True)])
    assert one_job(stack, scan(40))["status"] == "finished"


def test_a_quota_that_is_used_up_costs_no_attempt(stack, vision):
    vision.script.append(vision.error(8, retry_after="2"))
    answer = upload(stack, scan(50))
    job = stack.job_done(answer["job_ids"][0]["job_id"])
    assert job["status"] == "finished"
    tokens = [v for k, v in stack.redis.hgetall("sheaf:{00}:job:" + job["job_id"]).items() if k.startswith("out:page:") and v[:1] != "!"]
    assert [t.split(".")[1] for t in tokens] == ["1"]  # run.attempt.delivery


def test_a_token_that_ends_during_a_batch_is_replaced_and_nothing_fails(stack, vision):
    grants = vision.grants

    def forget(_):
        vision.tokens.clear()
    vision.script.extend([None, None, forget])
    answer = upload(stack, *[scan(60 + i) for i in range(6)])
    done = stack.batch_done(answer["batch_id"])
    assert done["completed"] == 6 and done["failed"] == 0
    assert grants < vision.grants <= grants + 2


def test_vision_away_longer_than_all_attempts_would_last_is_waited_for_at_no_cost(vision):
    host, port = vision.url[7:].split(":")
    with Relay((host, int(port))) as relay, Stack(*SIX, SHEAF_LLM="rules", SHEAF_MAX_ATTEMPTS=2,
                                                 **{**vision.env(), "SHEAF_GOOGLE_BASE_URL": f"http://127.0.0.1:{relay.port}"}) as s:
        relay.refuse()
        answer = upload(s, scan(61), scan(62))
        job = answer["job_ids"][0]["job_id"]
        wait_for(lambda: "Waiting for Google Vision" in (s.get(f"/api/job_status/{job}")[1]["status_message"] or ""), 60, "the reason")
        time.sleep(4 * SLOW)
        relay.accept()
        assert s.batch_done(answer["batch_id"], 90)["completed"] == 2


def test_a_page_too_large_for_a_request_is_sent_smaller(stack, vision):
    from PIL import Image
    noise = Image.frombytes("L", (3000, 2700), random.Random(1).randbytes(3000 * 2700))
    out = io.BytesIO()
    noise.save(out, "PNG")
    answer = upload(stack, out.getvalue())
    stack.batch_done(answer["batch_id"], timeout=90)
    assert stack.metric("ocr-svc", "sheaf_ocr_google_shrunk_total") == 1


def test_a_worker_killed_in_the_middle_of_a_call_reads_the_page_once(stack, vision):
    before = vision.pages
    held = []

    def hold(request):
        held.append(request)
        return Answer(200, {"responses": [{}]}, after=30)
    vision.script.append(hold)
    answer = upload(stack, scan(80))
    wait_for(lambda: held, what="the call")
    stack["ocr-svc"].kill()
    stack["ocr-svc"].start()
    stack.wait_ready("ocr-svc")
    done = stack.batch_done(answer["batch_id"])
    assert done["completed"] == 1 and vision.pages == before + 1
    status, found = stack.get(f"/api/records?batch={answer['batch_id']}")
    assert len(found["records"]) == 1


def test_a_revoked_key_fails_the_job_with_what_to_do_and_doctor_says_the_same(stack, vision):
    assert stack.doctor()["recognition"]["verdict"] == "ok"
    vision.revoked = True
    try:
        vision.tokens.clear()
        job = one_job(stack, scan(90))
        assert job["status"] == "failed" and job["error"]["code"] == "provider_refused"
        assert "key" in job["error"]["text"]
        found = stack.doctor()["recognition"]
        assert found["verdict"] == "wrong" and "key" in found["text"] and found["mend"]
    finally:
        vision.revoked = False


def test_a_key_without_permission_says_what_to_enable(stack, vision):
    vision.script.append(vision.error(7))
    job = one_job(stack, scan(91))
    assert job["status"] == "failed" and "enable the Vision API" in job["error"]["text"]


def test_connections_are_kept(stack, vision):
    connections, calls = vision.connections, vision.calls
    answer = upload(stack, scan(95, pages=12))
    stack.batch_done(answer["batch_id"], timeout=90)
    assert vision.calls == calls + 12 and vision.connections <= connections + 4


def test_no_log_names_a_key_a_token_or_a_student(stack, vision):
    secrets = [line for line in vision.account().splitlines() if len(line) > 40] + ["ya29.", "BEGIN PRIVATE", "Bearer"]
    names = [documents.student(7)["student_name"]]
    for log in pathlib.Path(stack.folder).glob("*.log"):
        text = log.read_text(errors="replace")
        assert [s for s in secrets + names if s in text] == []


def test_an_api_key_is_sent_as_a_header_only():
    with Vision(documents.form_lines(3), api_key="made-up-api-key") as fake:
        with Stack(*SIX, SHEAF_LLM="rules", SHEAF_GOOGLE_API_KEY="made-up-api-key", SHEAF_GOOGLE_BASE_URL=fake.url + "/",
                   SHEAF_GOOGLE_PARENT="projects/p/locations/eu") as s:
            fake.parent = "projects/p/locations/eu/"
            assert one_job(s, scan(3))["status"] == "finished"
            assert s.doctor()["recognition"]["verdict"] == "ok"
            fake.api_key = "another"
            assert s.doctor()["recognition"]["verdict"] == "wrong"
            assert "made-up-api-key" not in s.log("ocr-svc")
            assert fake.complaints == []


def test_credentials_that_the_shell_cut_end_the_start_with_the_reason():
    with Stack() as s:
        p = s.start("ocr-svc", GOOGLE_CLOUD_VISION_CREDENTIALS_JSON="{")
        assert p.process.wait(20) == 100
        assert "a shell cuts an unquoted value at its first line break" in s.log("ocr-svc")
