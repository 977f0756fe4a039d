"""persist-svc hangs, or what it gives is taken slowly: nobody waits for it at the gateway who asked for something else."""
import concurrent.futures
import contextlib
import http.server
import pathlib
import select
import signal
import socket
import threading
import time

import pytest

import documents
from engine import Engine
from stack import Stack, http as ask_http, wait_for
from test_read_path import put_states
from test_streams import Listener

THREADS = 4
PLACES = 2  # that may be persist-svc's, one of them for somebody who takes a document
CROWD = 36
OWNER = "00000000-0000-4000-8000-000000000001"
LARGE, SMALL = 8 * 1024 * 1024, 64 * 1024  # documents: more than sockets take, and what they take


class Hanging:
    """In persist-svc's place: takes connections and never answers. What it was asked for."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.asked, self.open = [], []
        self.thread = threading.Thread(target=self.take)

    def take(self):
        with contextlib.suppress(OSError):
            while True:
                one = self.socket.accept()[0]
                self.open.append(one)
                one.settimeout(30)
                self.asked.append(one.recv(8192).split()[1].decode())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for one in (self.socket, *self.open):
            one.close()


@contextlib.contextmanager
def answering_after(seconds):
    """In persist-svc's place: the address of one that is well, and a little far away."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(seconds)
            body = b'{"success":true,"records":[],"total":0}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Asked:
    """A question on a connection of its own, whose answer is taken when a test wants to."""

    def __init__(self, stack, path, narrow=False):
        self.socket = socket.socket()
        if narrow:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", stack.base))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())

    def fileno(self):
        return self.socket.fileno()

    def answer(self):
        return b"".join(iter(lambda: self.socket.recv(65536), b""))

    def close(self):
        self.socket.close()


@contextlib.contextmanager
def crowd(stack, path, n=CROWD, **options):
    with contextlib.ExitStack() as stay:
        yield [stay.enter_context(contextlib.closing(Asked(stack, path, **options))) for _ in range(n)]


def refused(questions):
    """Those that have been answered by now; every one with a 503 that says when to ask again."""
    told = select.select(questions, [], [], 0)[0]
    return [q for q in told if q.socket.recv(13, socket.MSG_PEEK) == b"HTTP/1.1 503 "]


def everything_else_is_answered(stack, batch):
    assert stack.get(f"/api/batch_status?batch_id={batch}")[0] == 200
    assert stack.get("/")[0] == 200
    assert stack.upload(("b.pdf", documents.form(2)), timeout=20)[0] == 202


def known_to_hang(stack):
    wait_for(lambda: "records_hang" in stack.log("gateway"), what="the gateway to know that persist-svc hangs")


def finished_jobs(stack, n):
    answer = Engine(stack.redis).enqueue(files=n)["answer"]
    ids = [row["job_id"] for row in answer["job_ids"]]
    put_states(stack.redis, ids, "finished", 7)
    return ids


# -- persist-svc hangs ------------------------------------------------------------------------------------

@pytest.fixture
def hanging():
    with Hanging() as records, Stack("gateway", SHEAF_THREADS=THREADS, SHEAF_RECORDS_URL=records.url) as s:
        s.hanging = records
        yield s


@pytest.mark.parametrize("path", ["/api/records", "/api/batches/{batch}", "/export", "/pdf/essay-submissions/x/y/original.pdf"])
def test_however_many_ask_for_records_all_else_is_answered_and_they_are_told_to_come_again(hanging, path):
    batch = hanging.upload(("a.pdf", documents.form(1)))[1]["batch_id"]
    with crowd(hanging, path.format(batch=batch)) as questions:
        wait_for(lambda: hanging.hanging.asked, what="somebody to wait")
        everything_else_is_answered(hanging, batch)
        wait_for(lambda: len(refused(questions)) >= CROWD - PLACES, what="the others to be refused")
        answer = refused(questions)[0].answer()
        assert b"\r\nRetry-After: 2\r\n" in answer and b'"code":"unavailable"' in answer


def test_a_jobs_page_does_not_ask_for_its_records(hanging):
    (job,) = finished_jobs(hanging, 1)
    page = lambda job: ask_http("GET", hanging.url(f"/jobs/{job}"), headers={"Accept": "text/html"})
    status, _, body = page(job)
    assert status == 200 and b"records-section" in body
    assert page("0" * len(job))[0] == page("nothing")[0] == 404
    assert hanging.hanging.asked == []


def test_once_it_is_known_to_hang_nobody_waits_for_it_any_more(hanging):
    with crowd(hanging, "/api/records", n=1) as (first,):
        known_to_hang(hanging)
        status, head, _ = ask_http("GET", hanging.url("/api/records"))
        assert (status, head["Retry-After"]) == (503, "2")
        assert not refused([first])


def test_statuses_and_their_streams_leave_the_records_out_and_only_the_gateway_itself_goes_on_asking(hanging):
    polled, listened = finished_jobs(hanging, 2)
    with crowd(hanging, "/api/records", n=1):
        known_to_hang(hanging)
        before = len(hanging.hanging.asked)

        def asked_again():
            assert hanging.get(f"/api/job_status/{polled}")[1]["result"]["records"] == []
            x = Listener(hanging, f"/api/events?job_id={listened}")
            assert x.read_until(lambda text: "event: job" in text and text.endswith("\n\n"))
            x.close()
            return len(hanging.hanging.asked) > before + 1
        wait_for(asked_again, what="the gateway to have looked twice whether it is back")
    assert not any(job in path for job in (polled, listened) for path in hanging.hanging.asked)


def test_the_records_are_told_again_when_they_answer_again():
    with Stack("gateway", "dispatcher", "persist-svc") as s:
        (job,) = finished_jobs(s, 1)
        s["persist-svc"].signal(signal.SIGSTOP)
        assert s.get(f"/api/job_status/{job}")[1]["result"]["records"] == []
        known_to_hang(s)
        s["persist-svc"].signal(signal.SIGCONT)
        wait_for(lambda: "records_hang_ended" in s.log("gateway"), what="the gateway to find out by itself")
        assert s.get("/api/records")[0] == 200
        asked = lambda: s.metric("persist-svc", "sheaf_records_requests_total")
        before = asked()
        wait_for(lambda: s.get(f"/api/job_status/{job}")[0] == 200 and asked() > before + 1, what="statuses to ask for records")


def test_a_gateway_that_is_stopped_tells_those_who_wait_for_records_and_ends():
    with Hanging() as records, Stack("gateway", SHEAF_RECORDS_URL=records.url, SHEAF_DRAIN="4s") as s, crowd(s, "/api/records", n=1) as (question,):
        wait_for(lambda: records.asked, what="it to wait")
        assert s["gateway"].stop(60) == 0
        assert question.answer().startswith(b"HTTP/1.1 503 ")


# -- it is well -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seconds", [0, 0.3])
def test_of_a_burst_nobody_is_refused_by_one_that_answers(seconds):
    with answering_after(seconds) as url, Stack("gateway", SHEAF_RECORDS_URL=url) as s:
        with crowd(s, "/api/records", n=32) as questions, concurrent.futures.ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(Asked.answer, questions))
        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers), answers


# -- slow takers ------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def stack():
    with Stack("dispatcher", "persist-svc", "gateway", SHEAF_THREADS=THREADS, SHEAF_UPLOAD_IDLE="10m") as s:
        yield s


def document(stack, size):
    """The path of one that is so large."""
    name = f"essay-submissions/{OWNER}/{size:012x}/original.pdf"
    file = pathlib.Path(stack.folder, "var", "objects", name)
    file.parent.mkdir(parents=True)
    with open(file, "wb") as f:
        f.truncate(size)
    return "/pdf/" + name


def body(answer):
    return answer.partition(b"\r\n\r\n")[2]


def test_however_many_take_a_document_slowly_all_else_is_answered_records_too(stack):
    path = document(stack, LARGE)
    batch = stack.upload(("a.pdf", documents.form(1)))[1]["batch_id"]
    with crowd(stack, path, narrow=True) as takers:
        wait_for(lambda: len(refused(takers)) == CROWD - 1, what="all but one to be told to come again")
        everything_else_is_answered(stack, batch)
        assert stack.get("/api/records")[0] == 200 and stack.get(f"/api/batches/{batch}")[0] == 200
        (slow,) = set(takers) - set(refused(takers))
        answer = slow.answer()
        assert answer.startswith(b"HTTP/1.1 200 ") and len(body(answer)) == LARGE
    wait_for(lambda: ask_http("GET", stack.url(path))[0] == 200, what="the place to be somebody else's")


def test_documents_that_are_taken_at_once_are_given_to_all_who_ask_together(stack):
    with crowd(stack, document(stack, SMALL)) as takers, concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
        answers = list(pool.map(Asked.answer, takers))
    assert all(len(body(answer)) == SMALL for answer in answers), [answer[:200] for answer in answers]
