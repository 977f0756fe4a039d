"""Decoding children that die under a running service: their pages are read all the same, and nobody else notices.

What a child does to the page that ends it is told apart in tests/unit/ocr-svc/decode_child_test.c."""
import contextlib
import os
import signal
import time

import documents
from stack import Stack, wait_for  # first: it knows where tests/ is
from hostile import decoding_children

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")


def strike(stack, number):
    """How many children there were."""
    children = list(decoding_children(stack["ocr-svc"].pid))
    for child in children:
        with contextlib.suppress(OSError):
            os.kill(int(child.name), number)
    return len(children)


def test_children_that_are_killed_again_and_again_cost_no_job():
    """As the kernel does when memory is short: no fault of the document's, so that its task comes again."""
    with Stack(*SIX, SHEAF_THREADS=2) as stack:
        service = stack["ocr-svc"].pid
        status, answer = stack.upload(*((f"{n}.pdf", documents.scan_pdf([documents.form_lines(n)])) for n in range(6)))
        assert status == 202
        for _ in range(4):
            time.sleep(0.5)  # it has begun something again
            wait_for(lambda: strike(stack, signal.SIGKILL), what="a child to strike")
        jobs = [stack.job_done(j["job_id"], 120) for j in answer["job_ids"]]
        assert {j["status"] for j in jobs} == {"finished"}
        assert stack["ocr-svc"].process.poll() is None and stack["ocr-svc"].pid == service
        assert stack.metric("ocr-svc", "sheaf_ocr_child_deaths_total") > 0


def test_a_child_that_crashed_while_it_was_idle_costs_no_document():
    # A build with AddressSanitizer would take the signal for a fault of its own, report it and end otherwise.
    with Stack(*SIX, SHEAF_THREADS=1, ASAN_OPTIONS="detect_leaks=1:handle_segv=0") as stack:
        for n in range(3):
            strike(stack, signal.SIGSEGV)
            time.sleep(0.2)
            _, answer = stack.upload((f"{n}.pdf", documents.form(200 + n)))
            assert stack.job_done(answer["job_ids"][0]["job_id"], 60)["status"] == "finished"
