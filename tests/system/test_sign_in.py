"""Who may call where a Supabase project is configured: signing in is on by itself, and SHEAF_AUTH=none is the way out."""
import json
import os
import re
import subprocess

import pytest

import documents
from stack import BUILD, Stack, http, wait_for
from tokens import SECRET, Key, Project, token

USER = "cccccccc-0000-4000-8000-00000000000c"
SERVICE = "a-token-of-another-service"
LOCAL = {"SHEAF_RECORDS": "sqlite", "SHEAF_OBJECTS": "folder"}
SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")


@pytest.fixture(scope="module")
def key():
    return Key("one")


@pytest.fixture(scope="module")
def project(key):
    with Project(key) as p:
        yield p


def of(project, **more):
    """What the application before Sheaf had set, and where this test's records live."""
    return {"SUPABASE_URL": project.url, "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_made-up", **LOCAL, **more}


@pytest.fixture(scope="module")
def stack(project):
    with Stack(*SIX, SHEAF_OCR="null", SHEAF_LLM="null", **of(project)) as s:
        yield s


def sheaf(stack, *arguments, **settings):
    return subprocess.run([BUILD / "sheaf", *arguments], env=stack.env(**settings), capture_output=True, text=True, timeout=60)


def page(stack, path, **headers):
    status, head, body = http("GET", stack.url(path), None, {"Accept": "text/html", **headers})
    return status, head, body.decode()


def test_the_projects_address_and_service_key_turn_signing_in_on_and_the_log_says_so(stack, project, key):
    assert stack.get("/api/v1/jobs")[0] == stack.get("/api/worker_status")[0] == 401
    assert stack.get("/api/v1/jobs", Authorization="Bearer " + token(project.claims(USER), key))[0] == 200
    (line,) = [json.loads(x) for x in stack.log("gateway").splitlines() if '"sign_in"' in x]
    assert line["auth"] == "supabase" and "SHEAF_AUTH=none" in line["why"] and "keys" in line["keys"]


@pytest.mark.parametrize("path", ["/", "/review", "/jobs/00a21916-f295-8407-8f6a-bed46a0c7841", "/login?message=session_expired"])
def test_a_page_without_a_token_says_that_signing_in_is_needed_and_how_a_call_carries_its_token(stack, path):
    status, head, text = page(stack, path)
    assert status == (200 if path.startswith("/login") else 401), text
    assert head["Content-Type"].startswith("text/html") and "no-store" in head["Cache-Control"]
    assert "Signing in is needed" in text and "Authorization: Bearer" in text and "SHEAF_AUTH=none" in text
    assert "<script" not in text and "aria-busy" not in text  # nothing that would wait for an answer
    assert http("GET", stack.url(re.search(r'href="(/static/[^"]+\.css)"', text)[1]))[0] == 200


def test_with_a_token_the_pages_are_there(stack, project, key):
    status, _, text = page(stack, "/", Authorization="Bearer " + token(project.claims(USER), key))
    assert status == 200 and "Upload forms" in text


@pytest.mark.parametrize("settings, status", [
    ({"SHEAF_AUTH": "none"}, 200),
    ({"SUPABASE_SERVICE_ROLE_KEY": ""}, 200),  # an address alone names no owner of the service
    ({"SHEAF_AUTH": "supabase", "SUPABASE_SERVICE_ROLE_KEY": ""}, 401),
    ({"SUPABASE_JWT_SECRET": SECRET}, 401),
    ({"SHEAF_BIND": "0.0.0.0"}, 401),  # whoever reaches it is asked who he is
])
def test_what_is_set_decides_whether_anybody_is_let_in(project, settings, status):
    with Stack("gateway", **{**of(project), **settings}) as s:
        assert s.get("/api/worker_status")[0] == status
        assert page(s, "/")[0] == status
        assert page(s, "/login")[0] == (404 if status == 200 else 200)
        if "SUPABASE_JWT_SECRET" in settings:
            assert s.get("/api/worker_status", Authorization="Bearer " + token(project.claims(USER), secret=SECRET))[0] == 200


def test_nobody_signing_in_is_still_refused_on_an_address_that_others_reach(project):
    with Stack() as s:
        p = s.start("gateway", **of(project, SHEAF_AUTH="none", SHEAF_BIND="0.0.0.0"))
        assert p.process.wait(20) == 100
        assert "let anybody in" in s.log("gateway")


def test_the_command_sends_the_token_of_its_environment_and_says_what_is_missing_without_one(stack, project, key, tmp_path):
    bearer = token(project.claims(USER, padding="x" * 1500), key)  # a project's token has easily a thousand bytes
    form = tmp_path / "one.pdf"
    form.write_bytes(documents.form(77))
    without = sheaf(stack, "status")
    assert without.returncode == 1 and "SHEAF_SERVICE_TOKEN" in without.stderr, without.stderr
    done = sheaf(stack, "submit", "--wait", "--json", str(form), SHEAF_SERVICE_TOKEN=bearer)
    assert done.returncode == 0, done.stderr
    job = stack.get("/api/v1/jobs", Authorization="Bearer " + bearer)[1]["jobs"][0]["job_id"]
    assert sheaf(stack, "job", job, SHEAF_SERVICE_TOKEN=bearer).returncode == 0
    assert sheaf(stack, "export", SHEAF_SERVICE_TOKEN=bearer).returncode == 0
    assert bearer not in "".join(stack.log(name) for name in SIX)


@pytest.mark.parametrize("published, settings, verdict, words", [
    (1, {}, "ok", ["supabase", "1 published key"]),
    (1, {"SUPABASE_JWT_SECRET": SECRET}, "ok", ["1 published key", "SUPABASE_JWT_SECRET"]),
    (0, {"SUPABASE_JWT_SECRET": SECRET}, "ok", ["SUPABASE_JWT_SECRET"]),
    (0, {}, "wrong", ["no token can be checked", "SUPABASE_URL"]),  # asked whose a token is, this one knows no such address
    (0, {"SUPABASE_SERVICE_ROLE_KEY": "", "SHEAF_AUTH": "supabase"}, "wrong", ["publishes no keys", "SUPABASE_ANON_KEY", "SUPABASE_JWT_SECRET"]),
    (None, {}, "wrong", ["keys", "SUPABASE_URL"]),
    (1, {"SHEAF_AUTH": "none"}, "ok", ["nobody signs in", "this machine"]),
    (1, {"SHEAF_AUTH": "token", "SHEAF_SERVICE_TOKEN": SERVICE}, "ok", ["SHEAF_SERVICE_TOKEN"]),
])
def test_doctor_says_whether_signing_in_is_on_and_by_which_keys(key, published, settings, verdict, words):
    with Project(*[key] * (published or 0)) as p, Stack(**of(p, **settings)) as s:
        p.fails = published is None
        found = s.doctor()["sign-in"]
        said = found["text"] + (found["mend"] or "")
        assert found["verdict"] == verdict and all(w in said for w in words), found


def test_up_says_who_is_let_in(project, tmp_path):
    from up import Up
    for settings, words in (({}, "nobody signs in"), (of(project), "SHEAF_AUTH=none")):
        up = Up(tmp_path / str(len(settings)))
        up.env = {k: v for k, v in up.env.items() if not k.startswith("SUPABASE_")}
        up.env.update(settings)
        with up:
            wait_for(lambda: any(words in line for line in up.lines), 30, "what it says")
