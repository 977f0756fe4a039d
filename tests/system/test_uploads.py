"""Uploads as a careful client sends them: it asks before it sends a large body."""
import socket
import time

import pytest

import documents
from stack import Stack

PART = b"--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\n\r\n"


@pytest.fixture(scope="module")
def stack():
    with Stack("gateway", SHEAF_MAX_REQUEST="1MiB") as s:
        yield s


def ask(stack, length):
    """A connection on which everything of an upload but its body was sent."""
    connection = socket.create_connection(("127.0.0.1", stack.base), timeout=60)
    connection.sendall(b"POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                       b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length)
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
        assert head(connection).startswith(b"HTTP/1.1 413 ")


def test_a_batch_is_not_taken_for_left_while_a_long_upload_into_it_is_under_way(stack):
    batch = stack.post("/api/batches", {"expected": 2})[1]["batch_id"]
    long_ago = stack.redis.zscore("sheaf:{00}:opens", batch) - 590_000  # ten minutes without an upload close it
    stack.redis.zadd("sheaf:{00}:opens", {batch: long_ago})
    field = b"--b\r\nContent-Disposition: form-data; name=\"batch_id\"\r\n\r\n" + batch.encode() + b"\r\n"
    body = field + PART + documents.form(2) + b"\n%" + bytes(900_000) + b"\r\n--b--\r\n"
    with ask(stack, len(body)) as connection:
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
