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
