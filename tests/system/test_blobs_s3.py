"""Documents and outputs in S3 while a job is worked on (SHEAF_BLOBS=s3): what the store holds, when it is away, who dies meanwhile,
what is taken away."""
import contextlib
import pathlib
import random
import threading
import time

import pytest

from documents import form, form_lines, pdf
from engine import OWNER, SHARD, Engine
from stack import Stack, wait_for
from fakes.base import Answer, Only
from fakes.s3 import S3, SECRET, Stored, refuse

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
BLOBS, UNKEPT = "sheaf-blobs/", "sheaf-unkept/"


class Pods(Stack):
    """Each service with a disk of its own, as in a cluster: what they share is in S3, or it is not shared."""

    def start(self, name, label=None, **more):
        return super().start(name, label, **{"SHEAF_VAR": f"{self.folder}/{label or name}", **more})


@pytest.fixture(scope="module")
def s3():
    with S3() as fake:
        yield fake


@pytest.fixture(scope="module")
def stack(s3):
    with Pods(*SIX, SHEAF_BLOBS="s3", **s3.env()) as s:
        yield s


@pytest.fixture(autouse=True)
def content(s3):
    s3.script.clear()
    yield
    s3.away = False
    assert s3.complaints == []


def upload(stack, *data):
    status, answer = stack.upload(*((f"{n}.pdf", d) for n, d in enumerate(data)))
    assert status == 202, answer
    return answer


def job_of(answer, n=0):
    return answer["job_ids"][n]["job_id"]


def attempts(stack, job):
    """Of all its tasks that made something."""
    return {v.split(".")[1] for k, v in stack.redis.hgetall(f"{SHARD}job:{job}").items() if k.startswith("out:") and v}


def paper(pages=1):
    return pdf([form_lines(n) for n in range(pages)], note=f"paper {random.random()}")


@contextlib.contextmanager
def before_work_begins(stack):
    """What is uploaded meanwhile waits for its first tasks until the end of the block."""
    for stage in ("store", "inspect"):
        assert stack.post(f"/api/admin/stages/{stage}/pause")[0] == 200
    yield
    for stage in ("store", "inspect"):
        assert stack.post(f"/api/admin/stages/{stage}/resume")[0] == 200


def lift_pause(stack):
    """As if its time had passed: what waited for S3 goes on at once."""
    stack.redis.delete("sheaf:throttle:s3-blobs", "sheaf:throttle:s3")
    for member in stack.redis.zrange(SHARD + "later", 0, -1):
        stack.redis.zadd(SHARD + "later", {member: 0})


def test_a_batch_goes_through_and_no_service_has_another_ones_disk(stack, s3):
    files = [form(n) for n in range(5)] + [paper(4)]
    calls, connections = s3.calls, s3.connections
    answer = upload(stack, *files)
    assert stack.batch_done(answer["batch_id"], 90)["completed"] == 6
    for n, data in enumerate(files):
        job = job_of(answer, n)
        assert s3.objects.get(f"{BLOBS}{job}/upload") is None or s3.objects[f"{BLOBS}{job}/upload"].body == data
        stages = {k.split("/")[2].split(".")[0] for k in s3.keys(f"{BLOBS}{job}/")}
        assert {"page", "extract"} <= stages, stages
    assert s3.keys(UNKEPT) == [], "every upload was kept"
    assert s3.calls - calls > 100 and s3.connections - connections < 40, "connections are kept, also for what is sent"


def test_what_is_written_is_sent_in_pieces(stack, s3):
    gateway = stack["gateway"]
    upload(stack, paper())
    before = gateway.rss_mib()
    big = pdf([form_lines(1)], note=f"{random.random()} " + "x" * 24_000_000)
    answer = upload(stack, big, paper())
    assert stack.batch_done(answer["batch_id"], 60)["completed"] == 2
    assert gateway.rss_mib() - before < 8, "24 MB are not held"


def test_an_outage_delays_and_costs_no_attempt(stack, s3):
    with before_work_begins(stack):
        answer = upload(stack, paper(), paper(3))
        s3.away = True
    jobs = [job_of(answer, n) for n in range(2)]
    assert stack.upload(("c.pdf", paper()))[0] == 503, "what cannot be stored is not accepted"

    def waits():
        states = [stack.get(f"/api/job_status/{j}")[1] for j in jobs]
        return all("Waiting for" in (s["status_message"] or "") and "S3" in s["status_message"] for s in states)
    wait_for(waits, 30, "the reason on both jobs")
    time.sleep(3)
    assert {stack.get(f"/api/job_status/{j}")[1]["status"] for j in jobs} <= {"queued", "started"}
    s3.away = False
    # More than once: a call that is under way when S3 comes back may still make a pause.
    wait_for(lambda: lift_pause(stack) or stack.get(f"/api/batch_status?batch_id={answer['batch_id']}")[1]["done"], 60, "the batch's end")
    assert stack.batch_done(answer["batch_id"], 60)["completed"] == 2
    assert [attempts(stack, j) for j in jobs] == [{"1"}, {"1"}]


@pytest.mark.parametrize("trouble", [Answer(500), refuse(503, "SlowDown"), Answer(429, headers={"Retry-After": "1"})], ids=["500", "503", "429"])
def test_trouble_of_the_server_costs_no_attempt_either(stack, s3, trouble):
    with before_work_begins(stack):
        answer = upload(stack, paper())
        s3.script.extend([trouble] * 3)
    assert stack.batch_done(answer["batch_id"], 60)["completed"] == 1
    assert attempts(stack, job_of(answer)) == {"1"} and not s3.script


@pytest.mark.parametrize("service, of", [("ocr-svc", "page"), ("llm-svc", "extract"), ("persist-svc", "upload")])
def test_who_dies_while_it_writes_or_reads_has_done_it_once(stack, s3, service, of):
    killed = threading.Event()

    def fatal(request):
        gateways_own = of == "upload" and request.headers.get("Content-Type")
        return f"/{of}" in request.path and request.method in ("PUT", "GET") and not gateways_own

    def kill(_):
        stack[service].kill()
        killed.set()
    s3.script.append(Only(fatal, kill))
    answer = upload(stack, paper(2))
    assert killed.wait(60)
    stack[service].start()
    stack.wait_ready(service)
    assert stack.batch_done(answer["batch_id"], 60)["completed"] == 1
    found = stack.get(f"/api/records?batch={answer['batch_id']}")[1]
    assert found["total"] == 2 and len({r["submission_id"] for r in found["records"]}) == 2


def test_a_jobs_blobs_go_with_it(stack, s3):
    done = upload(stack, paper())
    assert stack.batch_done(done["batch_id"], 60)["completed"] == 1
    job = job_of(done)
    wait_for(lambda: s3.keys(f"{BLOBS}{job}/"), 10, "its blobs")
    assert s3.keys(UNKEPT) == []
    stack.redis.zadd(SHARD + "sweep", {f"{job} all": 0})
    wait_for(lambda: not s3.keys(f"{BLOBS}{job}/"), 60, "the end of the job's blobs")


def test_what_is_run_again_while_a_slow_store_is_swept_keeps_its_document(s3):
    """The list that it was on is old by then: what a fetch has brought back may not go with what it was before."""
    def slow(_):
        time.sleep(0.5)
    with Pods("dispatcher", SHEAF_BLOBS="s3", SHEAF_NOTIFY_WHEN="never", **s3.env()) as s:
        engine = Engine.on(s.redis)
        job, others = engine.submit(), [engine.new_id() for _ in range(40)]
        engine.finish(job)
        for one in (*others, job):
            s3.objects[f"{BLOBS}{one}/upload"] = Stored("application/octet-stream", b"x")
        s3.script.extend([Only(lambda r: r.method == "DELETE" and f"/{BLOBS}" in r.path, slow)] * 41)
        s.redis.zadd(SHARD + "sweep", {f"{one} upload": n + 1 for n, one in enumerate((*others, job))})
        wait_for(lambda: f"{BLOBS}{others[0]}/upload" not in s3.objects, 60, "a sweep")
        assert engine.run("rerun", job, OWNER, "inspect") == "ok"
        wait_for(lambda: s.redis.zcard(SHARD + "sweep") < len(others), 60, "what came of it")
        assert f"{BLOBS}{job}/upload" in s3.objects


def test_a_document_that_somebody_removed_fails_its_job_and_a_second_upload_works(stack, s3):
    with before_work_begins(stack):
        answer = upload(stack, paper())
        del s3.objects[f"{BLOBS}{job_of(answer)}/upload"]
    stack.batch_done(answer["batch_id"], 60)
    job = stack.get(f"/api/job_status/{job_of(answer)}")[1]
    assert job["status"] == "failed" and job["error"]["code"] == "gone", job
    again = upload(stack, paper())
    assert stack.batch_done(again["batch_id"], 60)["completed"] == 1


def test_doctor_says_what_is_wrong_with_the_store(stack, s3):
    assert stack.doctor()["blobs"]["verdict"] == "ok"
    s3.secret = "another"
    try:
        found = stack.doctor()["blobs"]
        assert found["verdict"] == "wrong" and "AWS_SECRET_ACCESS_KEY" in found["text"] and found["mend"]
    finally:
        s3.secret = SECRET
    found = stack.doctor(SHEAF_S3_BUCKET="nowhere")["blobs"]
    assert found["verdict"] == "wrong" and "SHEAF_S3_BUCKET" in found["text"]


def test_no_secret_is_in_any_log(stack):
    for log in pathlib.Path(stack.folder).glob("*.log"):
        assert SECRET not in log.read_text(errors="replace")
