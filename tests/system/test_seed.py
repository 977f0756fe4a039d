"""With only the variables that the application before Sheaf had (and the fakes' addresses): Vision reads, Groq fills in, Supabase keeps."""
import pathlib

import pytest

import documents
from postgres import PROGRAMS
from stack import Stack
from fakes.chat import Chat
from fakes.vision import Vision
from test_supabase import db, project  # noqa: F401 (fixtures)

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed")
SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
NAME = "Ottavia Quillfern"


def test_a_batch_runs_through_vision_groq_and_supabase(project, db):  # noqa: F811
    lines = ["My Father, My Hero Essay Contest", "School Name: Willow Bend School", "Grade: 5", f"Written with pride by {NAME}",
             "My Essay", *documents.wrap(documents.ESSAY, 80)]
    with Vision(lines) as vision, Chat() as groq:
        groq.reply = lambda names, pages: {n: {"value": NAME, "quote": NAME, "page": 1} if n == "student_name" else
                                           {"value": None, "quote": None, "page": None} for n in names}
        with Stack(*SIX, **vision.env(), **groq.env(), **project.env()) as s:
            files = [(f"scan{n}.pdf", documents.scan_pdf([documents.form_lines(n)])) for n in range(3)]
            status, answer = s.upload(*files)
            assert status == 202
            assert s.batch_done(answer["batch_id"], timeout=90)["completed"] == 3
            for job in answer["job_ids"]:
                done = s.job_done(job["job_id"])
                (record,) = done["result"]["records"]
                rows = db.query(f"SELECT student_name, school_name, grade FROM submissions WHERE submission_id = '{record['submission_id']}'",
                                database="sheaf")
                assert NAME in str(rows) and "Willow Bend School" in str(rows) and done["result"]["usage"]["calls"] == 1
            kept = [body for _, body in project.objects.values()]
            assert all(data in kept for _, data in files)
            found = s.doctor()
            assert {k: found[k]["verdict"] for k in ("recognition", "extraction")} == {"recognition": "ok", "extraction": "ok"}
            for log in pathlib.Path(s.folder).glob("*.log"):
                text = log.read_text(errors="replace")
                assert [x for x in (groq.key, "ya29.", "PRIVATE KEY", "sb_secret", NAME) if x in text] == []
            assert vision.complaints == [] and groq.complaints == [] and project.complaints == []
