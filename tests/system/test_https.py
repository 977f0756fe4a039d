"""Other people's services over HTTPS: a certificate is asked for, HTTP/2 is spoken where it is offered, connections are kept."""
import pytest

import documents
from stack import Stack
from fakes.chat import Chat
from fakes.s3 import S3
from fakes.tls import MISSING, Front
from fakes.vision import Vision

pytestmark = pytest.mark.skipif(MISSING, reason="nghttpx is not installed")
SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
KEY = "made-up-api-key"


def scan(n):
    return documents.scan_pdf([documents.form_lines(n)])


def upload(stack, *files):
    status, answer = stack.upload(*((f"{n}.pdf", data) for n, data in enumerate(files)))
    assert status == 202, answer
    return answer["batch_id"]


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_pages_go_by_http_2_where_it_is_offered_over_few_kept_connections(tmp_path, protocol):
    with Vision(documents.form_lines(3), api_key=KEY) as vision, Front(tmp_path, vision, protocol) as front:
        with Stack(*SIX, SHEAF_GOOGLE_API_KEY=KEY, SHEAF_GOOGLE_BASE_URL=front.url, SHEAF_CA_FILE=front.cert) as s:
            assert s.batch_done(upload(s, *[scan(n) for n in range(12)]), 60)["completed"] == 12
        assert {alpn for _, alpn, _ in front.seen} == {protocol}
        assert len(front.seen) == 12 and len(front.connections()) <= 4, front.connections()
        assert vision.complaints == []


def test_documents_are_sent_by_http_2_too_also_large_ones(tmp_path):
    with S3() as s3, Front(tmp_path, s3) as front:
        # The signature covers the host that the server was asked for, which a front hands on.
        with Stack(*SIX, **{**s3.env(), "SHEAF_S3_ENDPOINT": front.url}, SHEAF_BLOBS="s3", SHEAF_CA_FILE=front.cert, SHEAF_OCR="null",
                   SHEAF_LLM="null") as s:
            files = [documents.form(1), documents.pdf([["large"]], note="x" * 3_000_000)]
            assert s.batch_done(upload(s, *files), 60)["completed"] == 2
        kept = [stored.body for stored in s3.objects.values()]
        assert all(data in kept for data in files) and s3.complaints == []
        assert {alpn for _, alpn, _ in front.seen} == {"h2"}
        carried = front.connections()
        assert len(front.seen) >= 15 and len(carried) <= len(front.seen) / 2, carried


def test_a_certificate_that_nobody_vouches_for_stops_the_call_and_is_said(tmp_path):
    with Chat() as groq, Front(tmp_path, groq) as front:
        settings = {**groq.env(), "GROQ_BASE_URL": front.url + groq.prefix}
        with Stack(*SIX, SHEAF_LLM_WHEN="always", **settings) as s:
            batch = upload(s, documents.form(5))
            assert s.batch_done(batch, 60)["failed"] == 1
            (job,) = s.get(f"/api/batch_status?batch_id={batch}")[1]["jobs"]
            assert "certificate" in job["error"]["text"] and front.seen == []
            found = s.doctor()["extraction"]
            assert found["verdict"] == "wrong" and "certificate" in found["text"]
            assert s.doctor(SHEAF_CA_FILE=front.cert)["extraction"]["verdict"] == "ok"
