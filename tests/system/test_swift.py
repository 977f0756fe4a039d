"""Objects and blobs in OpenStack Swift through its S3 interface: a server of another make that works out every signature itself."""
import subprocess

import pytest

import documents
from engine import SHARD
from stack import BUILD, Stack, http, wait_for
from fakes.swift import SECRET, Swift, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
OWNER = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def swift():
    with Swift() as server:
        yield server


@pytest.fixture(scope="module")
def stack(swift):
    with Stack(*SIX, SHEAF_BLOBS="s3", **swift.env()) as s:
        yield s


def test_a_batch_is_stored_worked_on_given_back_and_removed(stack, swift):
    files = [(f"{n}.pdf", documents.form(n)) for n in range(4)] + [("big.pdf", documents.pdf([["large"]], note="x" * 3_000_000))]
    status, answer = stack.upload(*files)
    assert status == 202, answer
    assert stack.batch_done(answer["batch_id"], 90)["completed"] == 5
    jobs = [j["job_id"] for j in answer["job_ids"]]
    assert len(swift.keys(f"sheaf-blobs/{jobs[0]}/")) >= 2 and swift.keys("sheaf-unkept/") == []

    rows = documents.csv_rows(stack.get("/export?format=csv&mode=all")[1])
    originals = {data for _, data in files}
    assert len(rows) == 5
    for row in rows:
        assert row["pdf_url"].startswith(swift.url)
        status, _, body = http("GET", row["pdf_url"])
        assert status == 200 and body in originals
        assert http("GET", row["pdf_url"][:-1] + ("0" if row["pdf_url"][-1] != "0" else "1"))[0] == 403
    status, body = stack.get(stack.get("/api/records?limit=1")[1]["records"][0]["pdf_url"])
    assert status == 200 and body in originals

    ran = subprocess.run([BUILD / "persist-svc", "--remove-objects", OWNER], env=stack.env(), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0 and swift.keys("essay-submissions/") == [], ran.stderr
    stack.redis.zadd(SHARD + "sweep", {f"{job} all": 0 for job in jobs})
    wait_for(lambda: swift.keys("sheaf-blobs/") == [], 60, "the end of the jobs' blobs")


def test_doctor_tells_a_wrong_secret_key_and_bucket_apart(stack):
    for settings, word in (({}, None), ({"AWS_SECRET_ACCESS_KEY": SECRET + "x"}, "AWS_SECRET_ACCESS_KEY"), ({"AWS_ACCESS_KEY_ID": "test:nobody"}, "AWS_"),
                           ({"SHEAF_S3_BUCKET": "nowhere"}, "SHEAF_S3_BUCKET"), ({"SHEAF_S3_REGION": "eu-west-1"}, "SHEAF_S3_REGION")):
        found = stack.doctor(**settings)
        for subject in ("objects", "blobs"):
            assert found[subject]["verdict"] == ("wrong" if word else "ok"), (settings, found[subject])
            assert (word or "answers") in found[subject]["text"], (settings, found[subject])
