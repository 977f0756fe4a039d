"""The proxy that other tests trust: each of its faults does what its name says, and nothing else."""
import time

import pytest
import redis

from relay import Relay


@pytest.fixture
def relay(server):
    server.client.flushall()
    with Relay(server.socket) as r:
        yield r


@pytest.fixture
def client(relay):
    with redis.Redis(port=relay.port, retry=None, socket_timeout=30) as c:
        yield c


def test_bytes_pass_both_ways_unchanged_whatever_their_size(relay, client):
    text = bytes(range(256)) * 8192
    client.set("k", text)
    assert client.get("k") == text
    assert relay.connections == 1 and relay.bytes > 2 * len(text)


def test_a_cut_connection_is_reset_and_a_new_one_is_welcome(relay, client):
    line = client.connection_pool.get_connection("PING")
    relay.cut()
    with pytest.raises(redis.exceptions.ConnectionError):
        line.read_response()
    assert client.ping() and relay.connections == 2


def test_refused_means_nobody_listens_until_accepted_again_at_the_same_port(relay, client):
    relay.refuse()
    with pytest.raises(redis.exceptions.ConnectionError):
        client.ping()
    relay.accept()
    assert client.ping()


def test_held_replies_come_when_they_are_released(relay, client, server):
    relay.hold("replies")
    pipe = client.connection_pool.get_connection("INCR")
    pipe.send_command("INCR", "n")
    until = time.monotonic() + 30
    while server.client.get("n") != "1" and time.monotonic() < until:
        time.sleep(0.01)
    assert server.client.get("n") == "1", "the request went through"
    assert not pipe.can_read(timeout=0.2)
    relay.release()
    assert pipe.read_response() == 1
    pipe.disconnect()


def test_slow_takes_its_time_and_loses_nothing(relay, client):
    client.ping()
    relay.slow(delay_s=0.2)
    started = time.monotonic()
    assert client.ping() and time.monotonic() - started >= 0.4
    relay.slow(bytes_per_s=4000)
    started = time.monotonic()
    assert client.echo("x" * 2000) == b"x" * 2000 and time.monotonic() - started >= 0.8
    relay.fast()


def test_half_closed_the_client_reads_an_end_and_the_server_still_hears_it(relay, client, server):
    line = client.connection_pool.get_connection("INCR")
    relay.half_close("client")
    line.send_command("INCR", "n")
    with pytest.raises(redis.exceptions.ConnectionError):
        line.read_response()
    until = time.monotonic() + 30
    while server.client.get("n") != "1" and time.monotonic() < until:
        time.sleep(0.01)
    assert server.client.get("n") == "1"


def test_a_trapped_request_is_done_and_its_reply_never_comes(relay, client, server):
    client.incr("other")
    trap = relay.cut_reply_to(b"secret-key")
    assert client.incr("other") == 2, "others are not concerned"
    with pytest.raises(redis.exceptions.ConnectionError):
        client.incr("secret-key")
    assert trap.wait(30) and server.client.get("secret-key") == "1"
    assert client.incr("secret-key") == 2, "once only"
