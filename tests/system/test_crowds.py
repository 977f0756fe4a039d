"""More clients than the gateway has threads, most of them silent: nobody waits for somebody else's line."""
import contextlib
import pathlib
import resource
import socket
import time

import pytest

import documents
from stack import Stack, wait_for

THREADS = 4
CROWD = 20
PATHS = ["/upload", "/api/v1/documents?filename=a.pdf"]


@pytest.fixture(scope="module")
def stack():
    with Stack("gateway", SHEAF_THREADS=THREADS, SHEAF_MAX_FILE="1MiB", SHEAF_MAX_REQUEST="4MiB") as s:
        yield s


def document(n):
    return documents.form(n % 9 + 1) + b"\n%% %d" % n + bytes(100_000)


def body_of(path, *files):
    if path != "/upload":
        return files[0]
    part = b"--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\n\r\n%s\r\n"
    return b"".join(part % data for data in files) + b"--b--\r\n"


class Upload:
    """A sender who is as slow as a test wants."""

    def __init__(self, stack, path, body, lines=""):
        self.body = body
        self.connection = socket.create_connection(("127.0.0.1", stack.base), timeout=60)
        self.connection.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                                f"Content-Length: {len(body)}\r\n{lines}\r\n".encode())

    def send(self, part=None):
        """The next so many bytes, or all that is left."""
        piece = self.body if part is None else self.body[:part]
        self.connection.sendall(piece)
        self.body = self.body[len(piece):]

    def answer(self):
        """Up to the end of the connection."""
        with self.connection:
            return b"".join(iter(lambda: self.connection.recv(65536), b"")).decode()


def blobs(stack):
    return [p for p in pathlib.Path(stack.folder, "var", "blobs").rglob("*") if p.is_file()]


def wait_in_hand(stack, n):
    wait_for(lambda: stack.metric("gateway", "sheaf_http_in_flight") == n, what=f"{n} requests to be in hand")


def begin_uploads(stack, path="/upload", n=CROWD, sent=lambda n: 50_000):
    """So many, each with its first bytes sent."""
    uploads = [Upload(stack, path, body_of(path, document(number))) for number in range(n)]
    for number, upload in enumerate(uploads):
        upload.send(sent(number))
    return uploads


@contextlib.contextmanager
def crowd_of_slow_uploads(stack, path="/upload"):
    """As many as have threads and more, each somewhere in its body."""
    uploads = begin_uploads(stack, path, sent=lambda n: n * 3000)
    try:
        wait_in_hand(stack, CROWD)
        yield uploads
    finally:
        for upload in uploads:
            upload.connection.close()
        wait_in_hand(stack, 0)


@pytest.mark.parametrize("path", PATHS)
def test_uploads_on_slow_lines_keep_no_page_and_no_other_upload_waiting_and_are_all_taken(stack, path):
    with crowd_of_slow_uploads(stack, path) as uploads:
        assert stack.get("/openapi.json")[0] == 200
        assert stack.upload(("a.pdf", document(999)), timeout=20)[0] == 202
        before = stack.metric("gateway", "sheaf_upload_files_total")
        for _ in range(3):
            for upload in uploads:
                upload.send(20_000)
        for upload in uploads:
            upload.send()
        answers = [upload.answer() for upload in uploads]
        assert all(answer.startswith("HTTP/1.1 202 ") for answer in answers), answers
        assert stack.metric("gateway", "sheaf_upload_files_total") == before + CROWD
        assert stack.metric("gateway", "sheaf_http_bodies_waiting") == 0


def test_what_came_over_a_slow_line_is_what_was_sent(stack):
    with crowd_of_slow_uploads(stack):
        late = Upload(stack, "/upload", body_of("/upload", document(5000)))
        for _ in range(40):
            late.send(2_500)
        late.send()
        assert late.answer().startswith("HTTP/1.1 202 ")
    assert document(5000) in [p.read_bytes() for p in blobs(stack)]


def test_more_than_a_thousand_are_asked_to_come_again(stack):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with contextlib.ExitStack() as all_of_them:
        all_of_them.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1001):
            all_of_them.enter_context(Upload(stack, "/upload", body_of("/upload", document(1))).connection)
        wait_for(lambda: stack.metric("gateway", "sheaf_http_bodies_waiting") == 1000, what="all of them to be in hand")
        answer = Upload(stack, "/upload", body_of("/upload", document(1)), "Expect: 100-continue\r\n").answer()
        assert answer.startswith("HTTP/1.1 503 ") and "\r\nRetry-After: 5\r\n" in answer
        assert stack.get("/openapi.json")[0] == 200
    wait_in_hand(stack, 0)
    assert stack.upload(("a.pdf", document(8000)))[0] == 202


def test_who_asked_before_sending_is_told_to_go_on_in_a_crowd_too(stack):
    with crowd_of_slow_uploads(stack):
        late = Upload(stack, "/upload", body_of("/upload", document(7000)), "Expect: 100-continue\r\n")
        assert late.connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        late.send()
        assert late.answer().startswith("HTTP/1.1 202 ")


@pytest.mark.parametrize("body, status, code", [
    (body_of("/upload", b"%PDF-1.4\n" + bytes(3_000_000)), 413, "too_large"),
    (b"--c\r\n" + bytes(3_000_000), 400, "bad_multipart"),
    (body_of("/upload", b"not a document" * 100), 400, "unsupported_type"),
])
def test_what_is_refused_in_a_crowd_is_told_so_whatever_is_still_being_sent(stack, body, status, code):
    with crowd_of_slow_uploads(stack):
        late = Upload(stack, "/upload", body)
        late.send()
        answer = late.answer()
    assert answer.startswith(f"HTTP/1.1 {status} ") and f'"code":"{code}"' in answer and "\r\nConnection: close\r\n" in answer


def test_who_goes_away_in_a_crowd_leaves_nothing_behind(stack):
    before = blobs(stack)
    with crowd_of_slow_uploads(stack):
        assert stack.metric("gateway", "sheaf_http_bodies_waiting") > 0 and len(blobs(stack)) > len(before)
    assert stack.metric("gateway", "sheaf_http_bodies_waiting") == 0
    wait_for(lambda: blobs(stack) == before, what="what was begun to be dropped")


def test_connections_on_which_nothing_is_said_have_no_thread(stack):
    with contextlib.ExitStack() as silent:
        for _ in range(4 * CROWD):
            silent.enter_context(socket.create_connection(("127.0.0.1", stack.base), timeout=60))
        assert stack.get("/openapi.json")[0] == 200


def test_connections_are_kept_only_while_there_are_threads_for_others(stack):
    with contextlib.ExitStack() as kept:
        promised = []
        for _ in range(THREADS):
            connection = kept.enter_context(socket.create_connection(("127.0.0.1", stack.base), timeout=60))
            connection.sendall(b"GET /static/app.css HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n")
            promised.append(b"\r\nConnection: keep-alive\r\n" in connection.recv(65536))
        assert promised[0] and not all(promised)


def test_who_says_nothing_for_too_long_is_broken_off_and_told():
    with Stack("gateway", SHEAF_THREADS=THREADS, SHEAF_UPLOAD_IDLE="2s") as s:
        uploads = begin_uploads(s, n=THREADS + 2)
        answers = [upload.answer() for upload in uploads]
        assert all(answer.startswith("HTTP/1.1 400 ") and '"code":"bad_multipart"' in answer for answer in answers), answers
        lasting = [Upload(s, "/upload", body_of("/upload", document(n))) for n in range(THREADS + 2)]
        for _ in range(5):
            for upload in lasting:
                upload.send(10_000)
            time.sleep(1)  # longer than the silence allowed in all, never at once
        for upload in lasting:
            upload.send()
        assert all(upload.answer().startswith("HTTP/1.1 202 ") for upload in lasting)


def test_a_gateway_that_is_stopped_takes_what_was_on_its_way():
    with Stack("gateway", SHEAF_THREADS=THREADS) as s:
        uploads = begin_uploads(s)
        wait_in_hand(s, CROWD)
        s["gateway"].process.terminate()
        wait_for(lambda: not s.is_ready("gateway"), what="the gateway to say that it stops")
        for upload in uploads:
            upload.send()
        assert all(upload.answer().startswith("HTTP/1.1 202 ") for upload in uploads)
        assert s["gateway"].process.wait(30) == 0 and "requests_cut" not in s.log("gateway")


def test_what_is_still_on_its_way_when_time_is_up_is_cut_and_the_gateway_ends():
    with Stack("gateway", SHEAF_THREADS=THREADS, SHEAF_DRAIN="1s") as s:
        uploads = begin_uploads(s)
        wait_in_hand(s, CROWD)
        assert s["gateway"].stop() == 0 and "requests_cut" in s.log("gateway")
        for upload in uploads:
            upload.connection.close()
