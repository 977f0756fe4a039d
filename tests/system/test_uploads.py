"""Uploads as a careful client sends them: it asks before it sends a large body."""
import socket
import time

import pytest

import documents
from stack import Stack

PART = b"--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\n\r\n"


@pytest.fixture(scope="module")
def stack():
    with Stack("gateway", SHEAF_MAX_REQUEST="1MiB", SHEAF_MAX_FILES="10") as s:
        yield s


def ask(stack, length, path=b"/upload", version=b"1.1"):
    """A connection on which everything of an upload but its body was sent."""
    connection = socket.create_connection(("127.0.0.1", stack.base), timeout=60)
    connection.sendall(b"POST %s HTTP/%s\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                       b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (path, version, length))
    return connection


def head(connection):
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        assert piece, got
        got += piece
    return got


def test_who_asks_before_it_sends_is_told_to_go_on_and_then_answered(stack):
    body = PART + documents.form(1) + b"\r\n--b--\r\n"
    with ask(stack, len(body)) as connection:
        assert head(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert head(connection).startswith(b"HTTP/1.1 202 ")


def test_who_asks_with_too_large_a_body_is_refused_before_it_sends(stack):
    with ask(stack, 2 << 20) as connection:
        answer = head(connection)
        assert answer.startswith(b"HTTP/1.1 413 ") and b"\r\nConnection: close\r\n" in answer


def test_http_1_0_is_sent_no_interim_answer(stack):
    body = PART + documents.form(1) + b"\r\n--b--\r\n"
    with ask(stack, len(body), version=b"1.0") as connection:
        connection.sendall(body)
        assert head(connection).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize("wish", [None, "keep-alive", "TE, keep-alive", "close", "close, TE", "TE", "Upgrade, HTTP2-Settings"])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_connection_lasts_exactly_as_long_as_the_answer_says(stack, version, wish):
    line = f"Connection: {wish}\r\n".encode() if wish else b""
    with socket.create_connection(("127.0.0.1", stack.base), timeout=60) as connection:
        connection.sendall((b"GET /openapi.json HTTP/" + version + b"\r\nHost: 127.0.0.1\r\n" + line + b"\r\n") * 2)
        got = b""
        while piece := connection.recv(65536):  # at the latest when the second one's time to be followed is over
            got += piece
    stays = b"\r\nConnection: keep-alive\r\n" in got[:got.index(b"\r\n\r\n")]
    assert got.count(b"HTTP/1.1 200 ") == (2 if stays else 1)


def post(stack, path, lines, body=b""):
    """A connection on which a request without Expect was sent, with all of its body or none."""
    connection = socket.create_connection(("127.0.0.1", stack.base), timeout=60)
    connection.sendall(b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n%s\r\n\r\n%s" % (path, lines, body))
    return connection


@pytest.mark.parametrize("lines", [b"Content-Length: 900000", b"Transfer-Encoding: chunked"])
def test_an_answer_given_before_a_large_body_came_does_not_promise_the_connection(stack, lines):
    with post(stack, b"/upload?priority=none", lines) as connection:
        answer = head(connection)
        assert answer.startswith(b"HTTP/1.1 400 ") and b"\r\nConnection: close\r\n" in answer


def test_a_small_body_that_nobody_wants_is_read_over_and_the_next_request_follows(stack):
    after = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with post(stack, b"/upload?priority=none", b"Content-Length: 1000", bytes(1000) + after) as connection:
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    assert got.startswith(b"HTTP/1.1 400 ") and b"\r\nConnection: keep-alive\r\n" in got and got.count(b"HTTP/1.1 200 ") == 1


def test_trailers_behind_chunks_are_nobody_s_and_the_connection_that_ends_with_them_is_not_promised(stack):
    body = PART + documents.form(1) + b"\r\n--b--\r\n"
    hidden = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    chunks = b"%x\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(body), body)
    with post(stack, b"/upload", b"Transfer-Encoding: chunked\r\nTrailer: X-Sum", chunks + hidden) as connection:
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    assert got.startswith(b"HTTP/1.1 202 ") and b"\r\nConnection: close\r\n" in got and got.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("path", [b"/upload", b"/api/v1/documents?filename=a.pdf"])
def test_a_request_in_chunks_is_held_to_the_limit_that_one_with_a_length_is_held_to(stack, path):
    document = documents.form(3) + b"\n%" + bytes(1 << 20)
    body = document if b"v1" in path else PART + document + b"\r\n--b--\r\n"
    with post(stack, path, b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)) as connection:
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ") and b"larger than 1 MiB" in answer


@pytest.mark.parametrize("line", [b"X: a\r\n b", b"X: a\r\n\tb", b": a", b"\xc3\xb1: a", b"Host: elsewhere", b"Content-Length : 5",
                                  b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked"])
def test_lines_that_a_proxy_could_read_otherwise_are_refused_and_nothing_behind_them_is_a_request(stack, line):
    hidden = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    length = b"" if b"Length" in line or b"Encoding" in line else b"Content-Length: %d\r\n" % len(hidden)
    with socket.create_connection(("127.0.0.1", stack.base), timeout=60) as connection:
        connection.sendall(b"POST /api/batches HTTP/1.1\r\nHost: 127.0.0.1\r\n" + line + b"\r\n" + length + b"\r\n" + hidden)
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    assert got.startswith(b"HTTP/1.1 400 ") and got.count(b"HTTP/1.1 ") == 1 and b"\r\nConnection: close\r\n" in got


def test_chunks_of_http_1_0_are_refused(stack):
    with socket.create_connection(("127.0.0.1", stack.base), timeout=60) as connection:
        connection.sendall(b"POST /api/batches HTTP/1.0\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        assert head(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("line", [b"X:", b"X: ", b"X:a", b"X:  a  ", b"X: \xc3\xb1", b"X: a: b"])
def test_odd_but_plain_headers_are_none_of_these(stack, line):
    with socket.create_connection(("127.0.0.1", stack.base), timeout=60) as connection:
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + line + b"\r\n\r\n")
        assert head(connection).startswith(b"HTTP/1.1 200 ")


def test_files_without_a_name_count_as_files_and_empty_fields_do_not(stack):
    part = b"--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"\"\r\n\r\n%s\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    some = b"".join(part % documents.form(n) for n in range(10)) + (part % b"") * 20
    assert stack.ask("POST", "/upload", some + b"--b--\r\n", kind)[1]["total"] == 10
    many = b"".join(part % documents.form(n) for n in range(11))
    status, answer = stack.ask("POST", "/upload", many + b"--b--\r\n", kind)
    assert (status, answer["code"]) == (413, "too_many_files")


@pytest.mark.parametrize("path", [b"/upload", b"/api/v1/documents?filename=a.pdf&batch_id="])
def test_a_batch_is_not_taken_for_left_while_a_long_upload_into_it_is_under_way(stack, path):
    batch = stack.post("/api/batches", {"expected": 2})[1]["batch_id"]
    long_ago = stack.redis.zscore("sheaf:{00}:opens", batch) - 590_000  # ten minutes without an upload close it
    stack.redis.zadd("sheaf:{00}:opens", {batch: long_ago})
    field = b"--b\r\nContent-Disposition: form-data; name=\"batch_id\"\r\n\r\n" + batch.encode() + b"\r\n"
    body = field + PART + documents.form(2) + b"\n%" + bytes(900_000) + b"\r\n--b--\r\n"
    if path.endswith(b"="):
        path, body = path + batch.encode(), documents.form(2) + b"\n%" + bytes(900_000)
    with ask(stack, len(body), path) as connection:
        assert head(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
        pieces = [body[at:at + 70_000] for at in range(0, len(body), 70_000)]
        for piece in pieces[:-1]:
            connection.sendall(piece)
            time.sleep(1)
        assert stack.redis.zscore("sheaf:{00}:opens", batch) > long_ago + 500_000
        connection.sendall(pieces[-1])
        assert head(connection).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize("name", ["x" + "я" * 40, "x\udcff" + "y" * 40])
def test_an_error_that_quotes_a_name_is_told_whatever_the_name_is(stack, name):
    body = (b"--b\r\nContent-Disposition: form-data; name=\"" + name.encode(errors="surrogateescape") + b"\"\r\n\r\n" + bytes(2000) + b"\r\n--b--\r\n")
    status, answer = stack.ask("POST", "/upload", body, {"Content-Type": "multipart/form-data; boundary=b"})
    assert (status, answer["code"]) == (400, "bad_request")
    assert "is too long" in answer["error"] or answer["error"].startswith("The field x")
