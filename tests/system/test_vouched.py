"""Tokens of a project that signs with its secret and publishes no keys: without the secret the project itself is asked whose they are."""
import threading
import time

import pytest

import documents
from stack import Stack, http, wait_for
from fakes.base import Answer
from fakes.gotrue import PUBLISHABLE, GoTrue, error, gateway_error
from tokens import SECRET, Key, claims, token

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
A = "aaaaaaaa-0000-4000-8000-00000000000a"


@pytest.fixture(scope="module")
def project():
    with GoTrue(SECRET) as fake:
        yield fake


@pytest.fixture(scope="module")
def stack(project):
    with Stack("gateway", **project.env(SUPABASE_ANON_KEY=PUBLISHABLE)) as s:
        yield s


counter = iter(range(1000))


def signed(project, **more):
    """A new token each time: what was said of another does not count for it."""
    return token(claims(project.url, A, session_id=f"session {next(counter)}", **more), secret=SECRET)


@pytest.fixture(autouse=True)
def content(stack, project):
    project.script.clear()
    stack.redis.delete("sheaf:throttle:supabase-auth")
    yield
    project.keys.add(PUBLISHABLE)
    assert project.complaints == []


def status(stack, bearer, path="/api/v1/jobs"):
    return http("GET", stack.url(path), None, {"Authorization": "Bearer " + bearer})[0]


def test_the_project_is_asked_once_for_all_that_comes_within_a_minute(stack, project):
    before, bearer = project.asked, signed(project)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(status(stack, bearer))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [200] * 8 and status(stack, bearer) == 200
    assert project.asked == before + 1
    assert project.requests[-1].headers["apikey"] == PUBLISHABLE


def test_owner_mail_and_role_come_from_the_token_that_it_vouched_for(project):
    with Stack(*SIX, **project.env()) as s:  # with the service key alone
        bearer = signed(project, email="ana@school.example")
        code, _, _ = http("POST", s.url("/api/v1/documents?filename=a.pdf"), documents.form(41), {"Authorization": "Bearer " + bearer})
        assert code == 202
        def record():
            found = s.get("/api/records", Authorization="Bearer " + bearer)[1]["records"]
            return found and found[0]
        assert wait_for(record, 60, "the record")["owner_user_id"] == A
        assert status(s, bearer, "/api/admin/dead") == 403
        assert status(s, signed(project, app_metadata={"role": "admin"}), "/api/admin/dead") == 200
        assert status(s, signed(project, user_metadata={"role": "admin"}), "/api/admin/dead") == 403
        assert all(bearer not in s.log(name) for name in SIX)
        assert "keys" in s.log("gateway") and "the project itself" in s.log("gateway")


@pytest.mark.parametrize("refusal", [
    error(401, "no_authorization"), error(403, "bad_jwt"), error(403, "session_not_found"), error(403, "user_not_found"), error(403, "user_banned"),
    Answer(403, {"code": "bad_jwt", "message": "x"}), Answer(401, {"error": "invalid_token", "error_description": "x"}),
    Answer(403, "", {"x-sb-error-code": "bad_jwt"}), Answer(401, "<html>no</html>"), Answer(200, {"id": "bbbbbbbb-0000-4000-8000-00000000000b"}),
], ids=["no bearer", "bad jwt", "logged out", "gone", "banned", "new shape", "oauth shape", "header", "html", "somebody else"])
def test_whatever_it_refuses_is_no_session(stack, project, refusal):
    before, bearer = project.asked, signed(project)
    project.script.append(refusal)
    assert [status(stack, bearer) for _ in range(3)] == [401] * 3
    assert project.asked == before + 1, "it is not asked again at once"


@pytest.mark.parametrize("trouble", [
    error(500, "unexpected_failure"), Answer(502, "<html>bad gateway</html>"), Answer(503, ""), Answer(504, ""), Answer(cut=True), Answer(200, '{"id'),
    Answer(200, {}), error(429, "over_request_rate_limit"), error(429, "over_request_rate_limit", Retry_After="1"),
], ids=["500", "502", "503", "504", "cut", "half", "nobody", "429", "429 with a time"])
def test_its_own_trouble_says_nothing_about_anybody(stack, project, trouble):
    bearer = signed(project)
    project.script.extend([trouble] * (10 if trouble.cut else 1))  # a question on a kept connection is asked again by libcurl
    code, head, body = http("GET", stack.url("/api/v1/jobs"), None, {"Authorization": "Bearer " + bearer})
    assert code == 503 and head["Retry-After"] and b"session" not in body
    project.script.clear()
    stack.redis.delete("sheaf:throttle:supabase-auth")  # as if its pause had passed
    wait_for(lambda: status(stack, bearer) == 200, 30, "the next question")


def test_what_no_project_need_be_asked_about_is_refused_here(stack, project):
    before = project.asked
    good, stranger = claims(project.url, A), Key("first")
    bad = {
        "expired": token({**good, "exp": int(time.time()) - 60}, secret=SECRET),
        "another project": token({**good, "iss": "https://other.example/auth/v1"}, secret=SECRET),
        "another audience": token({**good, "aud": "anon"}, secret=SECRET),
        "anon key": token({"role": "anon", "iss": "supabase", "exp": good["exp"]}, secret=SECRET),
        "alg none": token(good),
        "a key": token(good, stranger),
        "no token": "nonsense",
    }
    assert {name: status(stack, bearer) for name, bearer in bad.items()} == dict.fromkeys(bad, 401)
    assert project.asked == before
    assert status(stack, token(good, secret="another secret")) == 401 and project.asked == before + 1


def test_a_project_that_publishes_keys_is_never_asked(project):
    key = Key("first")
    with GoTrue(SECRET, key) as modern, Stack("gateway", **modern.env()) as s:
        assert status(s, token(claims(modern.url, A), key)) == 200
        assert status(s, token(claims(modern.url, A), secret=SECRET)) == 401
        assert status(s, token(claims(modern.url, A), secret=key.public_der(), kid="first")) == 401
        assert modern.asked == 0


def test_whoever_has_the_secret_asks_nobody(project):
    before = project.asked
    with Stack("gateway", **project.env(SUPABASE_JWT_SECRET=SECRET)) as s:
        assert status(s, signed(project)) == 200 and project.asked == before


def test_a_key_that_the_project_does_not_know_is_the_operators_fault_and_doctor_says_so(stack, project):
    found = stack.doctor()["sign-in"]
    assert found["verdict"] == "ok" and "asked whose" in found["text"], found
    project.keys.discard(PUBLISHABLE)
    assert status(stack, signed(project)) == 500, "nobody is told that his session has ended"
    found = stack.doctor()["sign-in"]
    assert found["verdict"] == "wrong" and "SUPABASE_ANON_KEY" in found["text"] + found["mend"], found
    project.script.append(gateway_error("No API key found in request"))
    assert status(stack, signed(project)) == 500
    assert "SUPABASE_ANON_KEY" in stack.log("gateway")


def test_a_session_that_was_logged_out_is_over_within_a_minute(project):
    """The minute itself is not waited for: another gateway knows nothing yet."""
    bearer = signed(project)
    with Stack("gateway", **project.env()) as s:
        assert status(s, bearer) == 200
        project.script.append(error(403, "session_not_found"))
        assert status(s, bearer) == 200
    with Stack("gateway", **project.env()) as s:
        assert status(s, bearer) == 401
