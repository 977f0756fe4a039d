"""Clients that take what they asked for slowly, or not at all, keep nobody else waiting."""
import contextlib
import pathlib
import socket

import pytest

from stack import Stack, http

OWNER = "00000000-0000-4000-8000-000000000001"
DOCUMENT = f"essay-submissions/{OWNER}/0123456789ab/original.pdf"
SLOW_ONES = 12


@pytest.fixture(scope="module")
def stack():
    with Stack("dispatcher", "persist-svc") as s:
        document = pathlib.Path(s.folder, "var", "objects", DOCUMENT)
        document.parent.mkdir(parents=True)
        with open(document, "wb") as f:
            f.truncate(25 * 1024 * 1024)
        yield s


def ask_and_read_nothing(port, path):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(10)
    s.connect(("127.0.0.1", port))
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Sheaf-Owner: {OWNER}\r\n\r\n".encode())
    s.recv(1, socket.MSG_PEEK)
    return s


def test_a_dozen_documents_that_nobody_takes_leave_the_records_to_others(stack):
    port = stack.base + 10
    with contextlib.ExitStack() as open_ones:
        for _ in range(SLOW_ONES):
            s = ask_and_read_nothing(port, "/pdf/" + DOCUMENT)
            open_ones.callback(s.close)
        status, _, _ = http("GET", f"http://127.0.0.1:{port}/api/records", headers={"X-Sheaf-Owner": OWNER}, timeout=5)
        assert status == 200
