"""Uploads as a careful client sends them: it asks before it sends a large body."""
import socket

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
