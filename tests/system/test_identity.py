"""Who may see what: tokens of a Supabase project, the service token, and another owner's things on every route."""
import json
import pathlib
import re
import threading
import time
import urllib.request

import pytest

import documents
import openapi
from stack import Stack, http, wait_for
from tokens import SECRET, Key, Project, token

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
A, B = "aaaaaaaa-0000-4000-8000-00000000000a", "bbbbbbbb-0000-4000-8000-00000000000b"
SERVICE = "a-token-of-another-service"


@pytest.fixture(scope="module")
def keys():
    return {"ec": Key("first"), "rsa": Key("second", "RSA"), "stranger": Key("first")}


@pytest.fixture(scope="module")
def project(keys):
    with Project(keys["ec"], keys["rsa"]) as p:
        yield p


@pytest.fixture(scope="module")
def stack(project):
    with Stack(*SIX, SHEAF_AUTH="supabase", SUPABASE_URL=project.url, SUPABASE_JWT_SECRET=SECRET, SHEAF_SERVICE_TOKEN=SERVICE,
               SHEAF_RECORDS="sqlite", SHEAF_OBJECTS="folder") as s:
        yield s


def test_the_message_goes_to_the_address_in_the_uploaders_token(stack, things):
    def arrived():
        return [p.read_text() for p in pathlib.Path(stack.folder).glob("var/outbox/*.eml") if things["job"] in p.read_text()]
    (mail,) = wait_for(arrived, 30, "A's message")
    assert re.search(r"^To: aaaaaaaa@school\.example\r?$", mail, re.M), mail[:400]


class Caller:
    def __init__(self, stack, bearer):
        self.stack, self.headers = stack, {"Authorization": f"Bearer {bearer}"} if bearer else {}

    def __call__(self, method, path, value=None):
        body = None if value is None and method == "GET" else json.dumps({} if value is None else value).encode()
        return self.stack.ask(method, path, body, {"Content-Type": "application/json", **self.headers})

    def raw(self, method, path, body=None):
        return http(method, self.stack.url(path), body, {"Content-Type": "application/json", **self.headers})

    def upload(self, name, data, **fields):
        query = "&".join(f"{k}={v}" for k, v in {"filename": name, **fields}.items())
        status, _, body = http("POST", self.stack.url(f"/api/v1/documents?{query}"), data, self.headers)
        return status, json.loads(body)


@pytest.fixture(scope="module")
def a(stack, project, keys):
    return Caller(stack, token(project.claims(A), keys["ec"]))


@pytest.fixture(scope="module")
def b(stack, project, keys):
    return Caller(stack, token(project.claims(B), keys["rsa"]))


@pytest.fixture(scope="module")
def things(stack, a):
    """What belongs to A."""
    status, answer = a.upload("secret.pdf", documents.form(701))
    assert status == 202, answer
    job, batch = answer["job_ids"][0]["job_id"], answer["batch_id"]
    wait_for(lambda: a("GET", f"/api/job_status/{job}")[1]["status"] == "finished", 60, "A's job")
    (record,) = a("GET", f"/api/records?batch={batch}")[1]["records"]
    assert record["owner_user_id"] == A
    return {"job": job, "batch": batch, "record": record["submission_id"], "pdf": record["pdf_url"][5:], "school": record["school_name"],
            "name": record["student_name"], "updated_at": record["updated_at"]}


def routes_naming(things):
    """(method, path, does it name one thing of A's) of every route that is not for anybody."""
    for method, pattern in openapi.routes():
        if (method, pattern) in openapi.routes("ANY"):
            continue
        of = ("batch" if "/batches/" in pattern else "record" if "/records/" in pattern else "job")
        path = re.sub(r"/\*", "/{}", pattern).replace("/**", "/" + things["pdf"]).replace("/{}*", "/" + things["pdf"])
        if "/dead/" in path:
            path = path.replace("{}", f"inspect:{things['job']}:0")
        elif "/stages/" in path:
            path = path.replace("{}", "notify")
        elif "/school/" in path:
            path = path.replace("{}", things["school"].replace(" ", "%20"), 1).replace("{}", "1")
        else:
            path = path.replace("{}", things[of])
        if pattern.endswith("/rerun"):
            path += "?from=extract"
        if pattern in ("/api/batch_status", "/api/events"):
            path += f"?batch_id={things['batch']}"
        named = "*" in pattern and "/school/" not in pattern and "/stages/" not in pattern or pattern in ("/api/batch_status", "/api/events")
        yield method, path, named


def body_for(path, things):
    if path.endswith("/apply-defaults"):
        return {"teacher_name": "Taken Over"}
    if path.startswith("/api/bulk"):
        return {"ids": [things["record"]], "fields": {"student_name": "Taken Over"}}
    if path.startswith("/api/scan"):
        return {"digests": []}
    if path == "/api/v1/documents":
        return {"object_key": things["pdf"]}
    return {"student_name": "Taken Over"}


def test_nobody_and_every_kind_of_bad_token_gets_401_on_every_route(stack, things, project, keys):
    claims = project.claims(A)
    public = keys["rsa"].public_der()
    bad = {
        "nobody": None,
        "no token at all": "nonsense",
        "expired": token(project.claims(A, expires_in=-60), keys["ec"]),
        "another key": token(claims, keys["stranger"]),
        "another secret": token(claims, secret="another secret"),
        "alg none": token(claims),
        "alg none with a kid": token(claims, kid="first"),
        "RSA public key as secret": token(claims, secret=public, kid="second"),
        "JWK as secret": token(claims, secret=json.dumps(keys["rsa"].jwk()), kid="second"),
        "ES256 named RS256": token(claims, keys["ec"], alg="RS256", kid="second"),
        "another project": token({**claims, "iss": "https://other.example/auth/v1"}, keys["ec"]),
        "another audience": token({**claims, "aud": "anon"}, keys["ec"]),
        "no owner": token({**claims, "sub": "../admin"}, keys["ec"]),
        "anon key": token({"role": "anon", "iss": "supabase", "exp": claims["exp"]}, secret=SECRET),
        "service token cut short": SERVICE[:-1],
    }
    for name, bearer in bad.items():
        caller = Caller(stack, bearer)
        for method, path, _ in routes_naming(things):
            status, head, body = caller.raw(method, path, json.dumps(body_for(path, things)).encode() if method != "GET" else None)
            assert status == 401, f"{name}: {method} {path} is {status}: {body[:200]}"
            assert things["name"].encode() not in body
            if "html" not in head["Content-Type"]:
                assert json.loads(body)["error"] == "session_expired"


def test_another_owner_gets_404_for_each_thing_and_lists_without_it(stack, things, b, a):
    for method, path, named in routes_naming(things):
        if "/reprocess" in path or path == "/upload":
            assert b.raw(method, path, b"{}")[0] in (400, 404)
            continue
        body = None if method == "GET" else json.dumps(body_for(path, things)).encode()
        status, _, answer = b.raw(method, path, body)
        if path.startswith("/api/admin"):
            assert status == 403, (method, path, status)
        elif named:
            assert status == 404, f"{method} {path} is {status}: {answer[:200]}"
        assert things["name"].encode() not in answer, f"{method} {path} tells of A's record"
        if status != 404 and not path.startswith("/api/bulk"):  # which says what it did not find
            assert things["job"].encode() not in answer and things["record"].encode() not in answer, f"{method} {path}"
    assert b.upload("mine.pdf", documents.form(702), batch_id=things["batch"])[0] == 404
    (record,) = a("GET", f"/api/records?batch={things['batch']}")[1]["records"]
    assert record["updated_at"] == things["updated_at"], "nothing of A's was changed"
    assert a("GET", f"/api/job_status/{things['job']}")[1]["status"] == "finished"


def test_what_was_accepted_is_done_although_its_uploaders_token_has_ended(stack, project, keys, a):
    """Nothing behind the gateway ever had the token."""
    service = Caller(stack, SERVICE)
    assert service("POST", "/api/admin/stages/inspect/pause")[0] == 200
    try:
        soon = Caller(stack, token(project.claims(A, expires_in=-26), keys["ec"]))  # good for 4 s more: two clocks may differ by 30 s
        status, answer = soon.upload("later.pdf", documents.form(703))
        assert status == 202, answer
        job = answer["job_ids"][0]["job_id"]
        wait_for(lambda: soon("GET", f"/api/job_status/{job}")[0] == 401, 30, "the token's end")
    finally:
        assert service("POST", "/api/admin/stages/inspect/resume")[0] == 200
    wait_for(lambda: a("GET", f"/api/job_status/{job}")[1]["status"] == "finished", 60, "the job")
    (record,) = a("GET", f"/api/records?batch={answer['batch_id']}")[1]["records"]
    assert record["owner_user_id"] == A
    bearer = soon.headers["Authorization"].split()[1]
    written = b"".join(path.read_bytes() for path in pathlib.Path(stack.folder).glob("appendonlydir/*"))
    assert job.encode() in written and bearer.split(".")[2].encode() not in written


def test_defaults_of_a_batch_are_for_its_owner_alone(a, b, things):
    path = f"/api/batches/{things['batch']}/apply-defaults"
    assert b("POST", path, {"teacher_name": "Taken Over"})[0] == 404
    assert a("POST", path, {"school_name": things["school"]})[0] == 200, "nothing is blank there, which is no error"
    assert a("POST", "/api/batches/00000000-0000-8000-8000-000000000000/apply-defaults", {"grade": "5"})[0] == 404


def test_no_header_and_no_field_says_who_somebody_is(stack, a, b, things):
    for name in ("X-Sheaf-Owner", "X-Sheaf-User", "X-Forwarded-User", "X-Forwarded-Email", "X-User-Id", "Cookie"):
        liar = Caller(stack, None)
        liar.headers = {**b.headers, name: f"sb-access-token={a.headers['Authorization'].split()[1]}" if name == "Cookie" else A}
        assert liar("GET", f"/api/records/{things['record']}")[0] == 404, name
        assert liar("GET", f"/api/job_status/{things['job']}")[0] == 404, name
        assert liar("GET", f"/api/records?owner={A}&owner_user_id={A}")[1]["total"] == 0, name
        liar.headers = {name: liar.headers[name]}
        assert liar("GET", f"/api/records/{things['record']}")[0] == 401, name
    status, answer = b.upload("mine.pdf", documents.form(704), owner=A, owner_user_id=A, mail="x@evil.example")
    assert status == 202
    job = answer["job_ids"][0]["job_id"]
    wait_for(lambda: b("GET", f"/api/job_status/{job}")[1]["status"] == "finished", 60, "B's job")
    assert [r["owner_user_id"] for r in b("GET", f"/api/records?batch={answer['batch_id']}")[1]["records"]] == [B]
    said = wait_for(lambda: [p.read_text() for p in pathlib.Path(stack.folder).glob("var/outbox/*.eml") if job in p.read_text()], 30, "B's message")
    assert "evil.example" not in said[0] and "bbbbbbbb@school.example" in said[0]


def test_the_same_file_of_two_owners_is_two_records(stack, a, b, things):
    status, answer = b.upload("copy.pdf", documents.form(701))
    assert status == 202 and answer["job_ids"][0]["is_duplicate"] is False, "B cannot see A's"
    job = answer["job_ids"][0]["job_id"]
    wait_for(lambda: b("GET", f"/api/job_status/{job}")[1]["status"] == "finished", 60, "B's job")
    (mine,) = b("GET", f"/api/records?batch={answer['batch_id']}")[1]["records"]
    assert mine["owner_user_id"] == B and mine["submission_id"] != things["record"]
    (theirs,) = a("GET", f"/api/records?batch={things['batch']}")[1]["records"]
    assert theirs["owner_user_id"] == A


def test_each_kind_of_good_token_is_taken_and_only_the_projects_word_makes_an_administrator(stack, project, keys):
    claims = project.claims(A)
    for good in (token(claims, keys["ec"]), token(claims, keys["rsa"]), token(claims, secret=SECRET),
                 token({**claims, "aud": ["authenticated"]}, keys["ec"])):
        assert Caller(stack, good)("GET", "/api/v1/jobs")[0] == 200
    assert Caller(stack, token({**claims, "user_metadata": {"role": "admin"}}, keys["ec"]))("GET", "/api/admin/dead")[0] == 403
    assert Caller(stack, token({**claims, "app_metadata": {"role": "admin"}}, keys["ec"]))("GET", "/api/admin/dead")[0] == 200
    assert Caller(stack, SERVICE)("GET", "/api/admin/dead")[0] == 200


def test_a_key_that_was_rotated_is_found_by_one_look_and_with_it_the_old_one_is_gone(keys):
    """Two looks are 30 s apart, whatever names of keys come meanwhile: that is waited for here."""
    old, new = keys["ec"], Key("next", "RSA")
    with Project(old) as p, Stack("gateway", SHEAF_AUTH="supabase", SUPABASE_URL=p.url) as s:
        def status(key):
            return Caller(s, token(p.claims(A), key))("GET", "/api/v1/jobs")[0]
        assert status(old) == 200 and status(new) == 401 and p.asked == 1
        p.keys, p.asked = [new], 0
        assert status(old) == 200, "nobody looked yet"
        wait_for(lambda: status(new) == 200, 45, "the look")
        assert status(old) == 401 and status(new) == 200 and p.asked == 1


def test_two_clocks_may_differ_by_half_a_minute(stack, project, keys):
    def status(**claims):
        return Caller(stack, token({**project.claims(A), **claims}, keys["ec"]))("GET", "/api/v1/jobs")[0]
    now = int(time.time())
    assert status(exp=now - 20) == status(nbf=now + 20) == status(iat=now + 20) == 200
    assert status(exp=now - 40) == status(nbf=now + 45) == status(exp="soon") == status(exp=None) == 401


def test_a_new_key_is_seen_at_once_and_names_of_keys_that_are_none_cost_one_look(project, keys):
    with Stack("gateway", SHEAF_AUTH="supabase", SUPABASE_URL=project.url) as s:
        project.asked = 0
        assert Caller(s, token(project.claims(A), keys["ec"]))("GET", "/api/v1/jobs")[0] == 200
        assert project.asked == 1
        for n in range(5):
            assert Caller(s, token(project.claims(A), keys["ec"], kid=f"guess {n}"))("GET", "/api/v1/jobs")[0] == 401
        assert project.asked == 1, "it has just looked"
        assert Caller(s, token(project.claims(A), secret=SECRET))("GET", "/api/v1/jobs")[0] == 401, "no secret is configured"


def test_while_no_keys_can_be_had_nothing_is_said_and_many_ask_once(keys):
    with Project(keys["ec"]) as away:
        away.fails = True
        with Stack("gateway", SHEAF_AUTH="supabase", SUPABASE_URL=away.url) as s:
            caller = Caller(s, token(away.claims(A), keys["ec"]))
            assert caller("GET", "/api/v1/jobs")[0] == 503
            away.fails, away.asked = False, 0
            time.sleep(1.1)  # the pause between two looks, which is what is tested
            answers = []
            threads = [threading.Thread(target=lambda: answers.append(caller("GET", "/api/v1/jobs")[0])) for _ in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            assert answers == [200] * 8 and away.asked == 1


def test_a_stream_ends_with_its_token(stack, project, keys, a):
    batch = a("POST", "/api/batches", {"expected": 2})[1]["batch_id"]
    soon = token(project.claims(A, expires_in=-27), keys["ec"])  # good for 3 s more: two clocks may differ by 30 s
    request = urllib.request.Request(stack.url(f"/api/events?batch_id={batch}"), headers={"Authorization": f"Bearer {soon}"})
    with urllib.request.urlopen(request, timeout=30) as stream:
        assert b"event: batch" in stream.read(), "read to its end, which nothing but the token brings about"
    assert Caller(stack, soon)("GET", "/api/v1/jobs")[0] == 401


@pytest.mark.parametrize("settings, word", [
    ({"SHEAF_AUTH": "supabase"}, "SUPABASE_URL"),
    ({"SHEAF_AUTH": "token"}, "SHEAF_SERVICE_TOKEN"),
    ({"SHEAF_AUTH": "token", "SHEAF_SERVICE_TOKEN": "short"}, "shorter"),
    ({"SHEAF_AUTH": "none", "SHEAF_BIND": "0.0.0.0"}, "let anybody in"),
])
def test_a_way_of_signing_in_that_lacks_something_is_refused_at_start(settings, word):
    with Stack() as s:
        p = s.start("gateway", **settings)
        assert p.process.wait(20) == 100
        assert word in s.log("gateway")


def test_with_nobody_signing_in_a_service_token_guards_services_and_operators_only():
    with Stack("gateway", SHEAF_SERVICE_TOKEN=SERVICE) as s:
        anybody, service = Caller(s, None), Caller(s, SERVICE)
        assert anybody("GET", "/api/worker_status")[0] == 200
        assert anybody("GET", "/api/v1/jobs")[0] == anybody("GET", "/api/admin/dead")[0] == 401
        assert service("GET", "/api/v1/jobs")[0] == service("GET", "/api/admin/dead")[0] == 200
        assert Caller(s, SERVICE + "x")("GET", "/api/v1/jobs")[0] == 401


def test_with_tokens_alone_everything_asks_for_one():
    with Stack("gateway", SHEAF_AUTH="token", SHEAF_SERVICE_TOKEN=SERVICE, SHEAF_BIND="127.0.0.1") as s:
        assert Caller(s, None)("GET", "/api/worker_status")[0] == 401
        assert Caller(s, SERVICE)("GET", "/api/worker_status")[0] == 200
        assert http("GET", s.url("/static/app.css"))[0] == 200
