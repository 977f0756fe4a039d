"""With only the variables that the application before Sheaf had (and the fakes' addresses): Vision reads, Groq fills in, Supabase
keeps, a real SMTP server takes the mails."""
import json
import pathlib

import pytest

import documents
from postgres import PROGRAMS
from stack import Stack, http, wait_for
from fakes.chat import Chat
from fakes.mail import MailServer
from fakes.vision import Vision
from test_supabase import db, project  # noqa: F401 (fixtures)
from tokens import SECRET, Key, claims, token

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed")
SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
NAME = "Ottavia Quillfern"
NOBODY, SOMEBODY = "00000000-0000-4000-8000-000000000001", "5eed5eed-0000-4000-8000-000000000007"
SENDER, PASSWORD = "essays@example.org", "geheim geheim"


def upload(s, bearer, files):
    """A document a call, as another program would, or all by one form."""
    if not bearer:
        status, answer = s.upload(*files)
        assert status == 202
        return [(name, j["job_id"]) for (name, _), j in zip(files, answer["job_ids"])]
    jobs = []
    for name, data in files:
        status, _, answer = http("POST", s.url(f"/api/v1/documents?filename={name}"), data, {"Authorization": "Bearer " + bearer})
        assert status == 202, answer
        jobs.append((name, json.loads(answer)["job_ids"][0]["job_id"]))
    return jobs


def ended(s, job, bearer):
    headers = {"Authorization": "Bearer " + bearer} if bearer else {}

    def look():
        _, answer = s.ask("GET", f"/api/job_status/{job}", None, headers)
        return answer if answer["status"] in ("finished", "failed") else None
    return wait_for(look, 90, "the job's end")


def check_mail(message, to, name, job, app):
    """CONTRACT, section 6."""
    assert message.peer_tls and message.login == SENDER and message.recipients == [to]
    assert message.mail["From"] == f"Essay Office <{SENDER}>" and message.mail["To"] == to
    for kind in ("plain", "html"):
        body = message.mail.get_body((kind,)).get_content()
        assert all(part in body for part in ("completed", name, job, f"{app}/jobs/{job}")), body
        assert "Error" not in body and NAME not in body


@pytest.mark.parametrize("signed_in", [None, "key", "secret"], ids=["nobody signs in", "signed by a key", "signed by a secret that only the project has"])
def test_a_batch_runs_through_vision_groq_supabase_and_mail(project, db, signed_in, tmp_path):  # noqa: F811
    lines = ["My Father, My Hero Essay Contest", "School Name: Willow Bend School", "Grade: 5", f"Written with pride by {NAME}",
             "My Essay", *documents.wrap(documents.ESSAY, 80)]
    signer = Key("seed")
    project.signers, project.secret = ([], SECRET) if signed_in == "secret" else ([signer], None)
    said = claims(project.url, SOMEBODY, email="ana@school.example")
    bearer = token(said, signer) if signed_in == "key" else token(said, secret=SECRET) if signed_in else None
    owner, to = (SOMEBODY, "ana@school.example") if signed_in else (NOBODY, SENDER)
    with Vision(lines) as vision, Chat() as groq, MailServer(tmp_path, users={SENDER: PASSWORD}) as mails:
        groq.reply = lambda names, pages: {n: {"value": NAME, "quote": NAME, "page": 1} if n == "student_name" else
                                           {"value": None, "quote": None, "page": None} for n in names}
        mail = {**mails.settings, "SMTP_USER": SENDER, "SMTP_PASS": PASSWORD, "SMTP_USE_TLS": "true", "FROM_EMAIL": f"Essay Office <{SENDER}>",
                "APP_URL": "https://essays.example.org"}
        more = {} if signed_in else {"SHEAF_AUTH": "none"}  # those variables alone ask for a token
        with Stack(*SIX, **vision.env(), **groq.env(), **project.env(), **mail, **more) as s:
            files = [(f"scan{n}.pdf", documents.scan_pdf([documents.form_lines(n + 10 * len(signed_in or ""))])) for n in range(3)]
            jobs = upload(s, bearer, files)
            for name, job in jobs:
                done = ended(s, job, bearer)
                (record,) = done["result"]["records"]
                rows = db.query("SELECT student_name, school_name, grade, owner_user_id, filename FROM submissions "
                                f"WHERE submission_id = '{record['submission_id']}'", database="sheaf")
                assert rows == [f"{NAME}|Willow Bend School|5|{owner}|{name}"]
                assert done["result"]["usage"]["calls"] == 1
            kept = {key: body for key, (_, body) in project.objects.items() if key.startswith(owner + "/") and "/original." in key}
            assert all(data in kept.values() for _, data in files)

            wait_for(lambda: len(mails.messages) == 3, 60, "three mails")
            by_job = {message.id[1:].split(".")[0]: message for message in mails.messages}
            for name, job in jobs:
                check_mail(by_job[job], to, name, job, "https://essays.example.org")
            found = s.doctor()
            subjects = ("recognition", "extraction", "records", "objects", "messages", "sign-in")
            assert {k: found[k]["verdict"] for k in subjects} == dict.fromkeys(subjects, "ok"), found
            assert {"key": "1 published key", "secret": "asked whose a token is", None: "nobody signs in"}[signed_in] in found["sign-in"]["text"]
            assert s.get("/api/v1/jobs")[0] == (401 if signed_in else 200)
            for log in pathlib.Path(s.folder).glob("*.log"):
                text = log.read_text(errors="replace")
                secrets = (groq.key, "ya29.", "PRIVATE KEY", "sb_secret", NAME, "geheim", bearer or groq.key, "ana@school.example")
                assert [x for x in secrets if x in text] == []
            # Nor did Redis ever hold a token: its append-only file has all that was ever written.
            written = b"".join(path.read_bytes() for path in pathlib.Path(s.folder).glob("appendonlydir/*"))
            assert jobs[0][1].encode() in written
            assert not bearer or [part for part in [bearer, *bearer.split(".")[1:]] if part.encode() in written] == []
            assert vision.complaints == [] and groq.complaints == [] and project.complaints == []
