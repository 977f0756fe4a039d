"""Redis as a managed one is: TLS, a user with a password of odd characters, another database, no CONFIG."""
import pathlib
import socket
import tempfile
import urllib.parse

import pytest

import documents
from stack import Stack, http
from fakes.mail import certificate

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
PASSWORD = "p@ss:w/rd ñ%21"


@pytest.fixture(scope="module")
def managed():
    """(its options, settings of who may use it)"""
    with tempfile.TemporaryDirectory(prefix="sheaf-tls-") as folder:
        cert, key = certificate(folder, "localhost")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        options = ["--tls-port", str(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no", "--bind", "127.0.0.1",
                   "--user", "essays", "on", ">" + PASSWORD, "~*", "&*", "+@all", "-config", "-debug", "-save", "-shutdown", "-acl"]
        url = f"rediss://essays:{urllib.parse.quote(PASSWORD, safe='')}@localhost:{port}/2"
        yield options, {"REDIS_URL": url, "SHEAF_REDIS_CA": cert}


@pytest.fixture(scope="module")
def stack(managed):
    options, settings = managed
    with Stack(*SIX, redis_options=options, **settings) as s:
        yield s


def test_a_batch_goes_through_and_all_that_any_service_says_is_encrypted(stack):
    status, answer = stack.upload(*((f"form{n}.pdf", documents.form(n)) for n in range(5)))
    assert status == 202, answer
    assert stack.batch_done(answer["batch_id"])["completed"] == 5
    assert http("GET", stack.url(f"/api/events?batch_id={answer['batch_id']}"))[0] == 200  # what is published is heard over TLS too
    clients = stack.redis.client_list()
    ours = [c for c in clients if c["user"] != "default"]
    assert {c["user"] for c in ours} == {"essays"} and {c["db"] for c in ours} <= {"0", "2"}
    assert len(ours) >= len(SIX) and all(c["addr"].startswith("127.0.0.1:") for c in ours), clients
    assert all(c["addr"].startswith(stack.redis_socket) for c in clients if c["user"] == "default"), "none but this test's own goes another way"
    assert stack.redis.dbsize() == 0, "nothing in the database that was not named"


def test_it_dies_in_the_middle_and_comes_back(stack):
    status, answer = stack.upload(*((f"later{n}.pdf", documents.form(100 + n)) for n in range(10)))
    assert status == 202, answer
    stack.kill_redis()
    stack.start_redis()
    assert stack.batch_done(answer["batch_id"], 120)["completed"] == 10


def test_doctor_says_that_it_is_encrypted_and_what_is_wrong_when_it_is_not_to_be_had(stack, managed):
    _, good = managed
    found = stack.doctor()
    wrong = {k: v for k, v in found.items() if v["verdict"] == "wrong"}
    assert found["redis"]["verdict"] == "ok" and found["redis TLS"]["text"] == "encrypted" and not wrong, found
    for change, word, mend in (({"REDIS_URL": good["REDIS_URL"].replace("localhost", "127.0.0.1")}, "certificate", "SHEAF_REDIS_CA"),
                               ({"SHEAF_REDIS_CA": ""}, "certificate", "SHEAF_REDIS_CA"),
                               ({"REDIS_URL": good["REDIS_URL"].replace("%21", "%22").replace("essays:p", "essays:q")}, "WRONGPASS", "password"),
                               ({"REDIS_URL": good["REDIS_URL"].replace("rediss://", "redis://")}, "", "rediss://")):
        said = stack.doctor(**change)["redis"]
        assert said["verdict"] == "wrong" and word in said["text"] and mend in said["mend"], (change, said)
        assert PASSWORD not in str(said) and "p%40ss" not in str(said)


def test_no_password_is_in_any_log(stack):
    for log in pathlib.Path(stack.folder).glob("*.log"):
        text = log.read_text(errors="replace")
        assert PASSWORD not in text and "p%40ss" not in text
