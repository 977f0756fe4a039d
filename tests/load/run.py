#!/usr/bin/python3
"""make provider-calls: very many calls to the fakes of Groq, Google, S3 and Supabase Storage, by the providers' own code; does anything grow?

N=100000 in all, a quarter to each.  Prints a line for each tenth; exit 1 when a call failed or a process grew."""
import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "tests" / "system")]
from engine import Server  # noqa: E402
from fakes.chat import Chat  # noqa: E402
from fakes.s3 import S3  # noqa: E402
from fakes.supabase import Supabase  # noqa: E402
from fakes.vision import Vision  # noqa: E402

NAME = "Ottavia Quillfern"


def measure(title, program, fake, calls, redis, **more):
    fake.keep_requests = False
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SHEAF_", "GROQ_", "OPENAI_", "GOOGLE_", "AWS_", "SUPABASE_"))}
    env.update(REDIS_URL=f"unix://{redis.socket}", SHEAF_PROVIDER_CALLS="8", **fake.env(), **more)
    print(f"{title}: {calls} calls", flush=True)
    code = subprocess.run([str(pathlib.Path(os.environ["TESTS_BUILD"]) / "tests" / "load" / program), str(calls)], env=env, cwd=TOP).returncode
    print(f"  {fake.connections} connections, {len(fake.complaints)} complaints, Redis keys: {sorted(redis.client.keys())}", flush=True)
    return code or bool(fake.complaints)


def main():
    calls = int(os.environ.get("N", "100000")) // 4
    redis = Server()
    try:
        with Chat() as groq, Vision(["Ottavia Quillfern", "Grade: 5"]) as vision, S3() as s3, Supabase(None) as project:
            groq.reply = lambda names, pages: {n: {"value": NAME, "quote": NAME, "page": 1} if n == "student_name" else None for n in names}
            groq.asked = type("Forgetful", (list,), {"append": lambda self, _: None})()
            failed = measure("Groq", "llm-svc_calls", groq, calls, redis)
            failed |= measure("Google Vision", "ocr-svc_calls", vision, calls, redis, SHEAF_GOOGLE_RATE="0")
            failed |= measure("S3", "persist-svc_calls", s3, calls, redis)
            failed |= measure("Supabase Storage", "persist-svc_calls", project, calls, redis)
    finally:
        redis.stop()
    return 1 if failed else 0


sys.exit(main())
