"""Originals and artifacts in S3, against a server that computes every signature again."""
import datetime
import subprocess

import pytest

from documents import csv_rows, form, form_lines, pdf
from stack import BUILD, Stack, http, wait_for
from fakes.base import Answer
from fakes.s3 import S3, Stored, canonical_request, refuse, sign

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")


@pytest.fixture(scope="module")
def s3():
    with S3(session_token="made-up-session") as fake:
        yield fake


@pytest.fixture(scope="module")
def stack(s3):
    with Stack(*SIX, SHEAF_OCR="null", SHEAF_LLM="null", **s3.env()) as s:
        yield s


@pytest.fixture(autouse=True)
def content(s3):
    s3.script.clear()
    yield
    assert s3.complaints == []


def store(stack, data):
    status, answer = stack.upload(("one.pdf", data))
    assert status == 202, answer
    return answer


def original(s3, data):
    return [key for key, stored in s3.objects.items() if stored.body == data and "/original." in key]


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
PUBLISHED = [  # AWS's documentation, "Signature Calculations for the Authorization Header"
    ("GET", "/test.txt", "", {"range": "bytes=0-9"}, EMPTY, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    ("PUT", "/test%24file.text", "", {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
    ("GET", "/", "lifecycle", {}, EMPTY, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    ("GET", "/", "max-keys=2&prefix=J", {}, EMPTY, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
]


@pytest.mark.parametrize("method, path, query, more, payload, signature", PUBLISHED)
def test_the_fake_itself_signs_as_aws_published(method, path, query, more, payload, signature):
    headers = {"host": "examplebucket.s3.amazonaws.com", "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": payload, **more}
    canonical = canonical_request(method, path, query, headers, sorted(headers), payload)
    assert sign("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "20130524", "20130524T000000Z", canonical) == signature


def test_an_original_is_stored_whole_and_given_back(stack, s3):
    data = pdf([form_lines(1)] * 3, note="x" * 2_000_000)  # more than curl sends without asking first
    answer = store(stack, data)
    stack.batch_done(answer["batch_id"])
    (key,) = original(s3, data)
    assert key.startswith("essay-submissions/00000000-0000-4000-8000-000000000001/") and s3.objects[key].mime == "application/pdf"
    status, body = stack.get("/pdf/" + key)
    assert status == 200 and body == data
    assert any("/artifacts/" in k for k in s3.objects)


@pytest.mark.parametrize("trouble", [Answer(500), refuse(503, "SlowDown"), refuse(400, "XAmzContentSHA256Mismatch"), Answer(200, cut=True)])
def test_trouble_of_the_server_is_tried_again(stack, s3, trouble):
    s3.script.append(trouble)
    data = form(200 + id(trouble) % 1000)
    answer = store(stack, data)
    assert stack.batch_done(answer["batch_id"])["completed"] == 1
    assert original(s3, data)


def test_a_wrong_key_or_clock_or_a_token_that_ended_fails_the_job_with_what_to_do(stack, s3):
    for change, undo, word in ((lambda: setattr(s3, "secret", "another"), lambda: setattr(s3, "secret", "made/up+secret0123456789"), "AWS_SECRET_ACCESS_KEY"),
                               (lambda: setattr(s3, "skew", datetime.timedelta(hours=1)), lambda: setattr(s3, "skew", datetime.timedelta()), "clock"),
                               (lambda: setattr(s3, "session_token", "a newer one"), lambda: setattr(s3, "session_token", "made-up-session"),
                                "AWS_SESSION_TOKEN")):
        change()
        try:
            answer = store(stack, form(hash(word) % 10_000 + 5_000))
            stack.batch_done(answer["batch_id"])
            job = stack.get(f"/api/job_status/{answer['job_ids'][0]['job_id']}")[1]
            assert job["status"] == "failed" and job["error"]["code"] == "provider_refused" and word in job["error"]["text"], job
            found = stack.doctor()["objects"]
            assert found["verdict"] == "wrong" and word in found["text"] and found["mend"], found
        finally:
            undo()
        # A person mends the setting and takes it up again.
        assert stack.post(f"/api/jobs/{answer['job_ids'][0]['job_id']}/retry")[0] == 202
        wait_for(lambda: stack.get(f"/api/job_status/{answer['job_ids'][0]['job_id']}")[1]["status"] == "finished", 30, "the second try")


def test_a_wrong_bucket_fails_the_job_with_what_to_do_and_doctor_says_the_same(stack, s3):
    stack["persist-svc"].kill()
    stack.start("persist-svc", SHEAF_S3_BUCKET="nowhere")
    try:
        answer = store(stack, form(31_000))
        stack.batch_done(answer["batch_id"])
        job = stack.get(f"/api/job_status/{answer['job_ids'][0]['job_id']}")[1]
        assert job["status"] == "failed" and "SHEAF_S3_BUCKET" in job["error"]["text"], job
        found = stack.doctor(SHEAF_S3_BUCKET="nowhere")["objects"]
        assert found["verdict"] == "wrong" and "SHEAF_S3_BUCKET" in found["text"] and found["mend"]
    finally:
        stack["persist-svc"].kill()
        stack.start("persist-svc")
        stack.wait_ready("persist-svc")
    assert stack.post(f"/api/jobs/{job['job_id']}/retry")[0] == 202
    wait_for(lambda: stack.get(f"/api/job_status/{job['job_id']}")[1]["status"] == "finished", 30, "the second try")
    assert stack.doctor()["objects"]["verdict"] == "ok"


def test_an_export_has_links_that_anybody_may_follow_for_a_week(stack, s3):
    status, csv = stack.get("/export?format=csv&mode=all")
    links = [row["pdf_url"] for row in csv_rows(csv)]
    assert status == 200 and links and all(link.startswith(s3.url + "/sheaf-tests/essay-submissions/") for link in links)
    originals = {stored.body for key, stored in s3.objects.items() if "/original." in key}
    status, head, body = http("GET", links[0])
    assert status == 200 and body in originals and head["Content-Type"] == "application/pdf"
    assert http("GET", links[0].replace("X-Amz-Expires=604800", "X-Amz-Expires=604799"))[0] == 403
    assert http("GET", links[0].replace("/original.", "/0riginal."))[0] == 403
    s3.skew = datetime.timedelta(days=7, minutes=1)
    try:
        assert http("GET", links[0])[0] == 403
    finally:
        s3.skew = datetime.timedelta()
    jsonl = stack.get("/export?format=jsonl&mode=all")[1].decode().splitlines()
    assert len(jsonl) == len(links) and all("X-Amz-Signature=" in line for line in jsonl)
    assert stack.get("/api/records?limit=1")[1]["records"][0]["pdf_url"].startswith("/pdf/"), "who is signed in goes by the gateway"


def test_an_owners_objects_are_removed_and_no_one_elses(stack, s3):
    owner, other = "0bbbbbbb-0000-4000-8000-000000000001", "0bbbbbbb-0000-4000-8000-000000000002"
    for n in range(1500):
        s3.objects[f"essay-submissions/{owner}/{n:012x}/original.pdf"] = s3.objects[f"essay-submissions/{other}/{n:012x}/original.pdf"] = Stored("x/y", b"x")
    ran = subprocess.run([BUILD / "persist-svc", "--remove-objects", owner], env=stack.env(), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert s3.keys(f"essay-submissions/{owner}/") == [] and len(s3.keys(f"essay-submissions/{other}/")) == 1500
    ran = subprocess.run([BUILD / "persist-svc", "--remove-objects", "../x"], env=stack.env(), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 100 and "owner" in ran.stderr


def test_probe_says_that_the_store_answers(stack, s3):
    probe = subprocess.run([BUILD / "persist-svc", "--probe"], env=stack.env(), capture_output=True, text=True, timeout=60)
    assert '"objects"' in probe.stdout and "s3 answers" in probe.stdout, probe.stdout + probe.stderr


def test_no_secret_is_in_any_log(stack, s3):
    for name in SIX:
        assert "made/up+secret" not in stack.log(name) and "made-up-session" not in stack.log(name)
