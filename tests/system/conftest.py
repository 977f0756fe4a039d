import os
import pathlib

import pytest

from engine import Engine, Server


@pytest.fixture(scope="module")
def server():
    s = Server()
    yield s
    s.stop()


@pytest.fixture
def engine(server):
    server.client.flushall()
    return Engine(server.client)


def pytest_runtest_logreport(report):
    """tests/run.py runs them once more."""
    if report.failed and os.environ.get("TESTS_FAILED"):
        with pathlib.Path(os.environ["TESTS_FAILED"]).open("a") as f:
            f.write(report.nodeid + "\n")
