"""The gateway dies on the way between a document and its job: what no job has is short-lived and swept by its age, what a job has is made to
last before 202, in each of the three blob stores."""
import contextlib
import datetime
import os
import pathlib
import subprocess
import time

import pytest

import documents
from engine import SHARD
from stack import TOP, Stack, wait_for
from fakes.s3 import S3

FAULTS = TOP / "build" / "faults"
PAPER = ("a.pdf", documents.form(1))


@pytest.fixture(scope="module", autouse=True)
def fault_programs():
    subprocess.run(["make", "-s", "fault-programs"], cwd=TOP, check=True)


class Folder:
    settings = {}

    def __init__(self, stack):
        self.folder = pathlib.Path(stack.folder) / "var" / "blobs"

    def uploads(self):
        """job → is it short-lived?"""
        found = {}
        for p in self.folder.glob("*/*.upload"):
            with contextlib.suppress(FileNotFoundError):  # it was swept in between
                found[p.name[:36]] = bool(p.stat().st_mode & 0o200)
        return found

    def age(self, job):
        """As if a day had passed."""
        for p in self.folder.glob(f"*/{job}.upload"):
            os.utime(p, (time.time() - 90000,) * 2)


class Redis:
    settings = {"SHEAF_BLOBS": "redis"}

    def __init__(self, stack):
        self.redis = stack.redis

    def uploads(self):
        return {key[11:47]: self.redis.ttl(key) > 0 for key in self.redis.scan_iter("sheaf:blob:*.upload")}

    def age(self, job):
        for key in self.redis.scan_iter(f"sheaf:blob:{job}.upload*"):
            if self.redis.ttl(key) > 0:
                self.redis.pexpire(key, 1)


class S3Store:
    def __init__(self, stack):
        self.s3 = stack.s3

    def uploads(self):
        marks = self.s3.keys("sheaf-unkept/")
        return {key.split("/")[1]: f"sheaf-unkept/{key.split('/')[1]}.upload" in marks for key in self.s3.keys("sheaf-blobs/")}

    def age(self, job):
        for key in (f"sheaf-blobs/{job}/upload", f"sheaf-unkept/{job}.upload"):
            if key in self.s3.objects:
                self.s3.objects[key].at -= datetime.timedelta(hours=25)


@pytest.fixture(params=[Folder, Redis, S3Store])
def stack(request):
    """No workers: a job that is opened waits."""
    with S3() as s3:
        settings = {"SHEAF_BLOBS": "s3", **s3.env()} if request.param is S3Store else request.param.settings
        with Stack("dispatcher", **settings) as s:
            s.s3 = s3
            s.store = request.param(s)
            yield s


def upload_to_a_gateway_that_dies(stack, point):
    gateway = stack.start("gateway", build=FAULTS, SHEAF_FAULT=f"{point}:1")
    stack.wait_ready("gateway")
    with pytest.raises(OSError):
        stack.upload(PAPER, key="once")
    gateway.process.wait(30)
    stack.start("gateway")
    stack.wait_ready("gateway")


def test_a_document_whose_gateway_died_before_its_job_was_there_is_swept_after_a_day(stack):
    upload_to_a_gateway_that_dies(stack, "before_enqueue")
    (orphan,) = stack.store.uploads()
    assert stack.store.uploads()[orphan], "it would stay for ever"
    status, answer = stack.upload(PAPER, key="once")
    assert status == 202
    job = answer["job_ids"][0]["job_id"]
    assert job != orphan and stack.store.uploads() == {orphan: True, job: False}
    for each in (orphan, job):
        stack.store.age(each)
    wait_for(lambda: orphan not in stack.store.uploads(), 60, "the sweep")
    assert stack.store.uploads() == {job: False}


@pytest.mark.parametrize("point", ["after_enqueue", "uploads_kept"])
def test_a_document_whose_gateway_died_after_its_job_was_there_lasts_from_the_answer_to_the_repetition_on(stack, point):
    upload_to_a_gateway_that_dies(stack, point)
    (job,) = stack.store.uploads()
    assert stack.redis.exists(f"{SHARD}job:{job}")
    status, answer = stack.upload(PAPER, key="once")
    assert status == 202 and answer["job_ids"][0]["job_id"] == job
    # The repetition's own copy is nobody's, the first's lasts.
    wait_for(lambda: stack.store.uploads() == {job: False}, 30, "the first's document alone, made to last")
