#!/usr/bin/python3
"""make provider-calls: very many calls to the fakes of all that is called, by the providers' own code; does anything grow?

N=100000 in all, an eighth to each.  Prints a line for each tenth; exit 1 when a call failed or a process grew."""
import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "tests" / "system")]
from engine import Server  # noqa: E402
from fakes.base import Answer  # noqa: E402
from fakes.chat import Chat  # noqa: E402
from fakes.gotrue import GoTrue  # noqa: E402
from fakes.mail import MailServer  # noqa: E402
from fakes.s3 import S3  # noqa: E402
from fakes.supabase import Supabase  # noqa: E402
from fakes.vision import Vision  # noqa: E402
from fakes.webhook import Webhook  # noqa: E402

NAME = "Ottavia Quillfern"


RECORD = {"submission_id": "0123456789ab", "student_name": NAME, "school_name": "Willow Bend School", "grade": "5", "needs_review": False,
          "review_reason_codes": "", "run": 1, "attempt": 1, "delivery": 1, "evidence": {}, "field_sources": {}, "observed": []}


class Forgetful(list):
    """What a fake keeps for tests would fill this process."""

    def append(self, _):
        pass


class Rows(Supabase):
    """PostgREST with the same answers each time: no database is measured here."""

    def call(self, function, arguments):
        return Answer(200, {"probe_submissions": True, "get_submissions": [RECORD]}.get(function, {"total": 1}))


def measure(title, program, fake, calls, redis, *argv, **settings):
    fake.keep_requests = False
    foreign = ("SHEAF_", "GROQ_", "OPENAI_", "GOOGLE_", "AWS_", "SUPABASE_", "SMTP_", "EMAIL", "GMAIL_", "FROM_EMAIL", "DATABASE_URL")
    env = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    env.update(REDIS_URL=f"unix://{redis.socket}", SHEAF_PROVIDER_CALLS="8", **{k: str(v) for k, v in settings.items()})
    print(f"{title}: {calls} calls", flush=True)
    code = subprocess.run([str(pathlib.Path(os.environ["TESTS_BUILD"]) / "tests" / "load" / program), str(calls), *argv], env=env, cwd=TOP).returncode
    print(f"  {getattr(fake, 'connections', None) or fake.sessions} connections, {len(getattr(fake, 'complaints', []))} complaints, "
          f"Redis keys: {sorted(redis.client.keys())}", flush=True)
    return code or bool(getattr(fake, "complaints", []))


def main():
    calls = int(os.environ.get("N", "100000")) // 8
    redis = Server()
    try:
        with tempfile.TemporaryDirectory(prefix="sheaf-load-") as folder, Chat() as groq, Vision(["Ottavia Quillfern", "Grade: 5"]) as vision, \
             S3() as s3, Supabase(None) as storage, Rows(None) as rows, GoTrue("a secret") as sign_in, MailServer(folder) as mails, Webhook("geheim") as hook:
            groq.reply = lambda names, pages: {n: {"value": NAME, "quote": NAME, "page": 1} if n == "student_name" else None for n in names}
            groq.asked, mails.messages, hook.events = Forgetful(), Forgetful(), Forgetful()
            to = {"SHEAF_NOTIFY_TO": "ana@example.org", "FROM_EMAIL": "sheaf@example.org"}
            failed = measure("Groq", "llm-svc_calls", groq, calls, redis, **groq.env())
            failed |= measure("Google Vision", "ocr-svc_calls", vision, calls, redis, **vision.env(), SHEAF_GOOGLE_RATE="0")
            failed |= measure("S3", "persist-svc_calls", s3, calls, redis, **s3.env())
            failed |= measure("Supabase Storage", "persist-svc_calls", storage, calls, redis, **storage.env())
            failed |= measure("PostgREST", "persist-svc_calls", rows, calls, redis, "records", **rows.env())
            failed |= measure("Supabase's sign-in", "gateway_calls", sign_in, calls, redis, **sign_in.env())
            failed |= measure("SMTP", "notify-svc_calls", mails, calls, redis, **mails.settings, **to)
            failed |= measure("Webhook", "notify-svc_calls", hook, calls, redis, SHEAF_WEBHOOK_URL=hook.url, SHEAF_WEBHOOK_SECRET="geheim",
                              SHEAF_WEBHOOK_PRIVATE="yes", **to)
    finally:
        redis.stop()
    return 1 if failed else 0


sys.exit(main())
