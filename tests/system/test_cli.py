"""The `sheaf` command: the supervisor, and the main job from a terminal."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

import documents
from stack import BUILD, SLOW, TOP, wait_for
from up import Up
from fakes.base import Answer, Fake, Only

FORMS = TOP / "tests" / "fixtures" / "forms"
SERVICES = ["dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway"]


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    with Up(tmp_path_factory.mktemp("cli")) as stack:
        yield stack


def test_a_second_up_on_the_same_var_is_refused(up):
    second = up.sheaf("up")
    assert second.returncode == 1
    assert "another `sheaf up` runs" in second.stderr


@pytest.mark.parametrize("other", [0, 1, 5, 10, 20, 30], ids=["gateway", "its admin port", "persist-svc", "records", "dispatcher", "redis"])
def test_an_up_whose_ports_somebody_else_has_is_refused_instead_of_being_ready(tmp_path, other):
    stack = Up(tmp_path)
    port = int(stack.env["SHEAF_PORT"]) + other
    with socket.create_server(("127.0.0.1", port)):
        refused = stack.sheaf("up", "--ready-file", tmp_path / "ready")
    assert refused.returncode == 2 and f"another program listens on port {port}" in refused.stderr and "ready:" not in refused.stderr
    assert not (tmp_path / "ready").exists()


@pytest.mark.parametrize("bind, gateway", [("0.0.0.0", "127.0.0.1"), ("127.0.0.5", "127.0.0.5")])
def test_the_gateway_alone_listens_where_bind_says_and_is_reached_there(tmp_path, bind, gateway):
    stack = Up(tmp_path)
    stack.env.update(SHEAF_BIND=bind, SHEAF_AUTH="token", SHEAF_SERVICE_TOKEN="a token of the tests", SHEAF_OCR="null")
    port = int(stack.env["SHEAF_PORT"])
    with stack:
        assert (tmp_path / "ready").read_text() == f"ready: http://{gateway}:{port}\n"
        assert stack.sheaf("submit", "--records", FORMS / "text-layer.pdf").returncode == 0
        findings = json.loads(stack.sheaf("doctor", "--json").stdout)
        assert [f for f in findings if f["subject"] in (*SERVICES, "gateway's address") and f["verdict"] == "wrong"] == []
        socket.create_connection(("127.0.0.5", port)).close()
        for other in (2, 5, 10):  # the dispatcher's and persist-svc's admin ports, the records API that believes whoever calls it
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.5", port + other))


def test_a_terminal_that_takes_nothing_stops_no_service(tmp_path):
    stack = Up(tmp_path)
    nobody_reads, terminal = os.pipe()
    os.set_blocking(terminal, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(terminal, b"x" * 4096):
            pass
    os.set_blocking(terminal, True)
    with subprocess.Popen([BUILD / "sheaf", "up", "--ready-file", tmp_path / "ready"], env=stack.env, stderr=terminal) as process:
        try:
            wait_for((tmp_path / "ready").exists, 60, "ready")
            pid = wait_for(lambda: stack.pid("llm-svc.0"), 10, "its number")
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: stack.pid("llm-svc.0") not in (None, pid), 30, "its next start")
        finally:
            os.close(nobody_reads)
            process.terminate()
    os.close(terminal)
    assert process.returncode == 0 and "started, process" in (stack.var / "log" / "llm-svc.log").read_text()


def test_submit_records_prints_a_line_for_each_record(up):
    answer = up.sheaf("submit", "--records", FORMS / "text-layer.pdf", FORMS / "several-students.pdf")
    assert answer.returncode == 0, answer.stderr
    rows = answer.stdout.splitlines()[1:]
    assert sorted(row.split()[0] for row in rows) == ["several-students.pdf"] * 3 + ["text-layer.pdf"]
    assert any("Renzo Piedraluz" in row for row in rows)


def test_submit_records_shows_what_is_ready_while_others_are_read(up, tmp_path):
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(documents.scan_pdf([documents.form_lines(n) for n in range(12)]))
    process = up.sheaf_process("submit", "--records", FORMS / "text-layer.pdf", scan)
    try:
        assert process.stdout.readline().startswith("FILE")
        assert process.stdout.readline().startswith("text-layer.pdf")
        assert process.poll() is None  # the other takes seconds
    finally:
        process.kill()
        process.communicate()
        # What is left of its twelve pages would stand before the next test's: more than a minute, on a busy machine.
        for state in ("queued", "started"):
            for job in json.loads(up.sheaf("jobs", "--state", state, "--json").stdout)["jobs"]:
                up.sheaf("cancel", job["job_id"])


def test_submit_wait_json_tells_what_became_of_each_file(up, tmp_path):
    bad = tmp_path / "not a form.pdf"
    bad.write_text("plain text")
    answer = up.sheaf("submit", "--wait", "--json", FORMS / "acroform.pdf", bad, tmp_path / "missing.pdf")
    assert answer.returncode == 1
    value = json.loads(answer.stdout)
    assert value["total"] == 1 and value["completed"] == 1 and len(value["errors"]) == 2
    job = value["jobs"][0]
    assert job["status"] == "finished" and len(job["result"]["submission_ids"]) == 1
    shown = up.sheaf("job", "--json", job["job_id"])
    assert shown.returncode == 0 and json.loads(shown.stdout)["filename"] == "acroform.pdf"
    assert up.sheaf("status", value["batch_id"]).returncode == 0
    assert up.sheaf("retry", job["job_id"]).returncode == 1  # it has not failed


def test_submit_wait_tells_of_every_file_of_more_than_a_status_lists(up, tmp_path):
    files = [tmp_path / f"{n}.pdf" for n in range(1010)]
    for n, file in enumerate(files):
        file.write_bytes(b"%%PDF-1.4 and nothing behind it, %d" % n)  # which takes no time to be read
    value = json.loads(up.sheaf("submit", "--wait", "--json", *files).stdout)
    assert (value["total"], value["failed"], len({job["job_id"] for job in value["jobs"]})) == (1010, 1010, 1010)


class Gateway(Fake):
    """One that tells of a batch of two jobs, at each look the next of `looks`: the state and the end of both."""

    def __init__(self, *looks):
        super().__init__()
        self.looks, self.now = list(looks), None

    def answer(self, request):
        if request.path == "/upload":
            return Answer(202, {"success": True, "batch_id": "b", "total": 2, "errors": None, "job_ids": [{"job_id": n, "filename": n} for n in "xy"]})
        if request.path.startswith("/api/batch_status"):
            self.now = self.looks.pop(0) if self.looks else self.now
            return Answer(200, {"jobs": [self.job(n) for n in "xy"], "done": all(self.job(n)["finished_at"] for n in "xy")})
        return Answer(200, self.job(request.path[-1]))

    def job(self, name):
        state, at = self.now["xy".index(name)]
        result = {"submission_ids": [f"of {at}"]} if state == "finished" else None
        return {"job_id": name, "filename": name, "status": state, "finished_at": at, **({"result": result} if result else {})}


UNDER_WAY = ("started", None)
FIRST, SECOND = "2026-01-01T00:00:01.000Z", "2026-01-01T00:00:02.000Z"


@pytest.mark.parametrize("looks", [
    [(("failed", FIRST), UNDER_WAY), (UNDER_WAY, UNDER_WAY), (("finished", SECOND), ("finished", FIRST))],
    [(("failed", FIRST), UNDER_WAY), (("queued", None), ("finished", FIRST)), (("finished", SECOND), ("finished", FIRST))],
    [(("failed", FIRST), UNDER_WAY), (("finished", SECOND), ("finished", FIRST))],
    [(("finished", FIRST), UNDER_WAY), (("finished", SECOND), ("finished", FIRST))],
], ids=["seen under way", "the last one", "between two looks", "run again"])
def test_submit_wait_tells_the_last_end_of_a_job_that_was_begun_again(tmp_path, looks):
    paths = [tmp_path / name for name in "xy"]
    for path in paths:
        path.write_bytes(b"x")
    answers = []
    for options in (["--json"], []):
        with Gateway(*looks) as gateway:
            env = {**os.environ, "SHEAF_PORT": str(gateway.server.server_address[1])}
            answers.append(subprocess.run([BUILD / "sheaf", "submit", "--wait", *options, *paths], env=env, capture_output=True, text=True, timeout=60 * SLOW))
    told = json.loads(answers[0].stdout)
    assert answers[0].returncode == 0 and (told["completed"], told["failed"]) == (2, 0), told
    assert {j["filename"]: j["finished_at"] for j in told["jobs"]} == {"x": SECOND, "y": FIRST}
    assert answers[1].returncode == 0
    assert re.findall(r"^(failed|finished) +x\b", answers[1].stdout, re.M) == [looks[0][0][0], "finished"]


class Taker(Fake):
    """A gateway that takes every upload as a job that has ended by the next look."""

    def __init__(self, *script):
        super().__init__()
        self.script.extend(script)
        self.taken = 0

    def answer(self, request):
        if request.path == "/upload":
            self.taken += 1
            return Answer(202, {"success": True, "batch_id": "b", "total": 1, "errors": None, "job_ids": [{"job_id": f"j{self.taken}", "filename": "x"}]})
        jobs = [{"job_id": f"j{n + 1}", "filename": "x", "status": "finished", "finished_at": FIRST, "result": {"submission_ids": ["s"]}} for n in range(self.taken)]
        if request.path.startswith("/api/job_status"):
            return Answer(200, next(job for job in jobs if request.path.endswith(job["job_id"])))
        return Answer(201, {"batch_id": "b", "jobs": jobs, "done": True})

    def submit(self, *arguments, **settings):
        env = {**os.environ, "SHEAF_PORT": str(self.server.server_address[1]), **settings}
        return subprocess.run([BUILD / "sheaf", "submit", *arguments], env=env, capture_output=True, text=True, timeout=60 * SLOW)


@pytest.fixture
def two_files(tmp_path):
    for name in "xy":
        (tmp_path / name).write_bytes(b"x")
    return [tmp_path / name for name in "xy"]


def test_submit_goes_on_for_as_long_as_it_may_after_an_upload_that_took_longer_than_that(two_files):
    with Taker(Answer(cut=True, after=2)) as gateway:
        sent = gateway.submit("--json", "--retry-for", "2", *two_files)
    assert sent.returncode == 0 and json.loads(sent.stdout)["total"] == 1, sent.stderr


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_submit_waits_for_a_gateway_that_is_away_behind_its_proxy(two_files, status):
    later = [Only(lambda request, path=path: request.path.startswith(path), Answer(status, "<html>")) for path in
             ("/api/batches", "/upload", "/upload", "/api/batch_status", "/api/job_status")]
    with Taker(*later) as gateway:
        sent = gateway.submit("--wait", "--json", *two_files, SHEAF_MAX_FILES="1")
        assert not gateway.script
    told = json.loads(sent.stdout)
    assert sent.returncode == 0 and (told["completed"], told["errors"]) == (2, []), sent.stderr


@pytest.mark.parametrize("options, told", [(["--json"], '"job_id": "j1"'), ([], "accepted  j1"), (["--wait"], "accepted  j1")])
def test_submit_says_what_was_accepted_before_nobody_answered_any_more(two_files, options, told):
    second = Only(lambda request: request.path == "/upload" and b'filename="y"' in request.body, Answer(cut=True))
    with Taker(second) as gateway:
        sent = gateway.submit(*options, "--retry-for", "0", *two_files, SHEAF_MAX_FILES="1")
    assert sent.returncode == 3 and sent.stdout.count(told) == 1, sent.stdout + sent.stderr


def test_submit_names_what_it_cannot_read_whatever_its_name_is_made_of(two_files, tmp_path):
    long, latin = tmp_path / ("ñ" * 100), os.path.join(os.fsencode(tmp_path), b"ni\xf1o.pdf")
    with Taker() as gateway:
        sent = gateway.submit("--json", long, latin, two_files[0])
    refused = json.loads(sent.stdout)["errors"]
    assert sent.returncode == 1 and "ñ" in refused[0] and "ni\ufffdo.pdf: No such file" in refused[1], refused


def test_submit_records_goes_on_when_somebody_has_deleted_a_record_meanwhile(two_files):
    gone = Only(lambda request: request.path == "/api/records/s", Answer(404, {"success": False, "error": "There is no such record.", "code": "not_found"}))
    with Taker(gone) as gateway:
        sent = gateway.submit("--records", *two_files, SHEAF_MAX_FILES="1")
    rows = sent.stdout.splitlines()[1:]
    assert sent.returncode == 0 and len(rows) == 2 and "(deleted)" in rows[0] and "(deleted)" not in rows[1], sent.stdout + sent.stderr


class Lister(Fake):
    """A gateway of two records, of which one is deleted between the list and the look at it."""

    def answer(self, request):
        if request.path.startswith("/api/records?"):
            return Answer(200, {"records": [{"submission_id": name} for name in ("gone", "here")], "next_cursor": None})
        if request.path.startswith("/api/records/gone"):
            return Answer(404, {"success": False, "error": "There is no such record.", "code": "not_found"})
        return Answer(200, {"record": {"filename": "here.pdf", "chunk_page_start": 1, "chunk_page_end": 1}})


def test_predictions_leave_out_what_is_deleted_meanwhile():
    with Lister() as gateway:
        env = {**os.environ, "SHEAF_PORT": str(gateway.server.server_address[1])}
        told = subprocess.run([BUILD / "sheaf", "export", "--predictions"], env=env, capture_output=True, text=True, timeout=60 * SLOW)
    assert told.returncode == 0 and list(json.loads(told.stdout)["documents"]) == ["here"], told.stderr


def test_submit_does_not_wait_for_somebody_to_write_into_a_pipe(two_files, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with Taker() as gateway:
        sent = gateway.submit("--json", tmp_path / "pipe", two_files[0])
    assert sent.returncode == 1 and "pipe is not a file" in sent.stdout and json.loads(sent.stdout)["total"] == 1


def test_an_export_that_fails_leaves_the_file_that_was_there(up, tmp_path):
    out = tmp_path / "records.csv"
    assert up.sheaf("export", "--output", out).returncode == 0
    whole = out.read_bytes()
    assert whole.startswith(b"submission_id,") or b"submission_id" in whole.splitlines()[0]
    failed = up.sheaf("export", "--output", out, "--format", "no-such-format")
    assert failed.returncode == 1 and out.read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == ["records.csv"]
    assert up.sheaf("export", "--output", "/dev/stdout").stdout.splitlines()[0] == whole.decode("utf-8-sig").splitlines()[0]


def test_export_predictions_has_every_document_of_the_batch(up):
    sent = json.loads(up.sheaf("submit", "--wait", "--json", FORMS / "several-students.pdf").stdout)
    answer = up.sheaf("export", "--predictions", "--batch", sent["batch_id"])
    assert answer.returncode == 0, answer.stderr
    documents = json.loads(answer.stdout)["documents"]
    assert list(documents) == ["several-students"]
    entries = documents["several-students"]["entries"]
    assert len(entries) == 3 and entries[0]["pages"][0] == 1
    assert entries[0]["pages"] < entries[1]["pages"] < entries[2]["pages"]
    assert documents["several-students"]["pages"][0]["text"]


def test_doctor_without_the_other_programs_says_that_they_are_not_there(up, tmp_path):
    shutil.copy(BUILD / "sheaf", tmp_path)
    alone = subprocess.run([tmp_path / "sheaf", "doctor", "--json"], env=up.env, capture_output=True, text=True, timeout=60 * SLOW)
    missing = {f["subject"]: f for f in json.loads(alone.stdout) if f["verdict"] == "wrong"}
    assert set(missing) == set(SERVICES), missing
    assert all("cannot be started" in f["text"] and "one folder" in f["mend"] for f in missing.values())


def test_exit_codes_say_no_usage_and_unreachable(up):
    assert up.sheaf("job", "00000000-0000-8000-8000-000000000000").returncode == 1
    assert up.sheaf("nonsense").returncode == 2
    assert up.sheaf("rerun", "x").returncode == 2
    nowhere = subprocess.run([BUILD / "sheaf", "status"], env={**up.env, "SHEAF_PORT": "1"}, capture_output=True, text=True)
    assert nowhere.returncode == 3 and "sheaf up" in nowhere.stderr


def test_doctor_finds_nothing_wrong_with_a_fresh_stack(up):
    wait_for(lambda: up.sheaf("doctor").returncode == 0, 60, "a healthy stack")
    findings = json.loads(up.sheaf("doctor", "--json").stdout)
    assert {f["subject"] for f in findings} > {"redis", "redis AOF", "clock", "disk", *SERVICES}


def test_what_was_given_up_is_listed_kicked_and_dropped(up, tmp_path):
    bad = tmp_path / "broken.pdf"
    bad.write_bytes(b"%PDF-1.4 nothing behind it")
    job = json.loads(up.sheaf("submit", "--wait", "--json", bad).stdout)["jobs"][0]["job_id"]
    listed = json.loads(up.sheaf("dead", "--json").stdout)["tasks"]
    (task,) = [t["task"] for t in listed if t["job_id"] == job]
    assert "broken.pdf" in up.sheaf("dead").stdout
    assert up.sheaf("kick", task).returncode == 0
    wait_for(lambda: json.loads(up.sheaf("job", "--json", job).stdout)["status"] == "failed", 30, "the same end again")
    assert json.loads(up.sheaf("kick", "--all", "--stage", "save", "--json").stdout)["kicked"] == 0
    assert up.sheaf("retry", job).returncode == 0
    wait_for(lambda: json.loads(up.sheaf("job", "--json", job).stdout)["status"] == "failed", 30, "the same end again")
    assert up.sheaf("kick", "--drop", task).returncode == 0
    assert up.sheaf("kick", task).returncode == 1, "it is not on the list any more, and its job has ended"
    assert up.sheaf("kick").returncode == up.sheaf("kick", task, "--all").returncode == 2


def test_jobs_are_listed_by_state_and_an_ended_one_is_run_again_or_left(up):
    sent = json.loads(up.sheaf("submit", "--wait", "--json", FORMS / "text-layer.pdf").stdout)
    job = sent["jobs"][0]["job_id"]
    finished = json.loads(up.sheaf("jobs", "--state", "finished", "--json").stdout)["jobs"]
    assert finished[0]["job_id"] == job and {j["status"] for j in finished} == {"finished"}
    assert up.sheaf("jobs", "--state", "nonsense").returncode == 1
    assert up.sheaf("cancel", job).returncode == 1
    assert up.sheaf("rerun", job, "--from", "extract").returncode == 0
    wait_for(lambda: json.loads(up.sheaf("job", "--json", job).stdout)["status"] == "finished", 30, "its second end")


def test_a_stage_is_paused_and_resumed_and_workers_shows_it(up):
    assert "paused" in up.sheaf("pause", "notify").stdout
    assert [s for s in up.sheaf("workers").stdout.splitlines() if s.startswith("notify") and s.endswith("paused")]
    assert json.loads(up.sheaf("pause", "notify", "--drain", "--json").stdout)["drained"] is True
    assert json.loads(up.sheaf("resume", "notify", "--json").stdout)["paused"] is False
    assert up.sheaf("pause", "nonsense").returncode == 1


def test_logs_are_read_back_and_their_level_is_changed_for_a_while(up):
    assert up.sheaf("log-level", "debug", "--service", "llm-svc").returncode == 0
    wait_for(lambda: "log_level" in up.sheaf("logs", "llm-svc").stdout, 30, "the change in its log")
    assert up.sheaf("log-level", "default").returncode == 0
    assert up.sheaf("log-level", "loud").returncode == 1
    lines = [json.loads(line) for line in up.sheaf("logs", "--json", "--lines", "5").stdout.splitlines()]
    assert {line["svc"] for line in lines} >= set(SERVICES)
    assert up.sheaf("logs", "nonsense").returncode == 2


@pytest.mark.parametrize("unit", ["llm-svc.0", "redis.0"])
def test_what_dies_is_started_again(up, unit):
    before = up.pid(unit)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: up.pid(unit) not in (None, before), 30, f"a new {unit}")
    wait_for(lambda: up.sheaf("doctor").returncode == 0, 60, "a healthy stack")


@pytest.mark.parametrize("unit, without", [("dispatcher.0", True), ("llm-svc.0", True), ("ocr-svc.0", False)])
def test_services_that_only_pass_on_keep_no_cache_of_freed_memory(up, unit, without):
    environment = pathlib.Path(f"/proc/{up.pid(unit)}/environ").read_bytes().split(b"\0")
    assert (b"GLIBC_TUNABLES=glibc.malloc.tcache_count=0" in environment) == without


def test_sigterm_drains_gateway_first_and_redis_last(tmp_path):
    with Up(tmp_path) as stack:
        pids = [stack.pid(f"{name}.0") for name in [*SERVICES, "redis"]]
        stack.process.terminate()
        assert stack.process.wait(60 * SLOW) == 0
        wait_for(lambda: len(stack.lines) and "redis.0" in stack.lines[-1], 30, "the last line")
    ended = [line.split()[0] for line in stack.lines if "ended with exit code 0" in line]
    assert ended[0] == "gateway.0" and ended[-2:] == ["dispatcher.0", "redis.0"]
    assert len(ended) == len(SERVICES) + 1
    assert not any(alive(pid) for pid in pids)


def test_nothing_outlives_a_killed_supervisor(tmp_path):
    with Up(tmp_path) as stack:
        pids = [stack.pid(f"{name}.0") for name in [*SERVICES, "redis"]]
        stack.process.kill()
        stack.process.wait()
        wait_for(lambda: not any(alive(pid) for pid in pids), 30, "their end")


def test_replicas_get_ports_of_their_own(tmp_path):
    stack = Up(tmp_path)
    stack.start("--ocr", "2", "--replicas", "dispatcher=2", "--quiet")
    try:
        assert stack.pid("ocr-svc.1") and stack.pid("dispatcher.1")
        answer = stack.sheaf("submit", "--records", FORMS / "acroform.pdf")
        assert answer.returncode == 0, answer.stderr
    finally:
        stack.__exit__()
    assert stack.lines == []


def test_a_refused_setting_stops_everything(tmp_path):
    stack = Up(tmp_path)
    stack.env["SHEAF_FORM"] = "/nowhere.json"
    answer = stack.sheaf("up", timeout=60)
    assert answer.returncode == 2
    assert "cannot run" in answer.stderr
