"""Event streams and polls: many at once, fresh, and out of the way of uploads."""
import json
import os
import pathlib
import select
import socket
import time

import pytest

import documents
from stack import SLOW, Stack, http, wait_for

MANY = 300


@pytest.fixture(scope="module")
def stack():
    with Stack("gateway", SHEAF_MAX_STREAMS=MANY + 1) as s:
        yield s


class Listener:
    """One stream, by a bare socket."""

    def __init__(self, stack, path, narrow=False, **headers):
        """narrow: with as little room on the way as the kernel allows."""
        self.socket = socket.socket()
        self.socket.settimeout(60)
        if narrow:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self.socket.connect(("127.0.0.1", stack.base))
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.text = ""

    def read_until(self, enough, timeout=60):
        until = time.monotonic() + timeout * SLOW
        while not enough(self.text):
            self.socket.settimeout(max(0.1, until - time.monotonic()))
            data = self.socket.recv(65536)
            if not data:
                return False
            self.text += data.decode()
        return True

    def events(self):
        return [json.loads(line[6:]) for line in self.text.split("\n") if line.startswith("data: ") and line.endswith("}")]

    def close(self):
        self.socket.close()


def open_batch(stack, expected=50):
    return stack.post("/api/batches", {"expected": expected})[1]["batch_id"]


def gauge(stack, name):
    text = http("GET", f"http://127.0.0.1:{stack.base + 1}/metrics")[2].decode()
    return [float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " ")][0]


def test_hundreds_of_streams_take_no_thread_and_every_one_hears_of_a_change(stack):
    batch = open_batch(stack)
    threads = lambda: len(list(pathlib.Path(f"/proc/{stack['gateway'].pid}/task").iterdir()))
    before = threads()
    listeners = [Listener(stack, f"/api/events?batch_id={batch}") for _ in range(MANY)]
    assert all(x.read_until(lambda t: "\nevent: batch" in t and t.endswith("\n\n")) for x in listeners)
    assert listeners[0].text.startswith("HTTP/1.1 200") and threads() == before
    assert stack.upload(("a.pdf", documents.form(1)), fields=[("batch_id", batch)])[0] == 202, "uploads have their threads"
    for x in listeners:
        assert x.read_until(lambda t: t.count("event: batch") >= 2 and t.endswith("\n\n"))
        assert x.events()[-1]["total"] == 1
    for x in listeners:
        x.close()
    wait_for(lambda: gauge(stack, "sheaf_event_streams") == 0, 30, "the end of them all")


def test_a_stream_too_many_is_told_to_poll(stack):
    batch = open_batch(stack)
    listeners = [Listener(stack, f"/api/events?batch_id={batch}") for _ in range(MANY + 1)]
    assert all(x.read_until(lambda t: "event: batch" in t) for x in listeners)
    status, head, body = http("GET", stack.url(f"/api/events?batch_id={batch}"))
    assert status == 503 and head["Retry-After"] and json.loads(body)["code"] == "unavailable"
    for x in listeners:
        x.close()
    wait_for(lambda: gauge(stack, "sheaf_event_streams") == 0, 30, "the end of them all")


def test_a_client_that_comes_back_is_sent_only_what_it_has_not_seen(stack):
    batch = open_batch(stack)
    first = Listener(stack, f"/api/events?batch_id={batch}")
    assert first.read_until(lambda t: "event: batch" in t and t.endswith("\n\n"))
    seen = [line[4:] for line in first.text.split("\n") if line.startswith("id: ")][-1]
    first.close()
    again = Listener(stack, f"/api/events?batch_id={batch}", Last_Event_ID=seen)
    assert again.read_until(lambda t: "retry:" in t)
    stack.upload(("b.pdf", documents.form(2)), fields=[("batch_id", batch)])
    assert again.read_until(lambda t: "event: batch" in t and t.endswith("\n\n"))
    assert [e["total"] for e in again.events()] == [1], "the snapshot that it had is not sent again"
    again.close()


def test_a_stream_ends_when_nothing_more_will_happen_and_coming_back_gets_204(stack):
    answer = stack.upload(("c.pdf", documents.form(3)))[1]
    job = answer["job_ids"][0]["job_id"]
    x = Listener(stack, f"/api/events?job_id={job}")
    assert x.read_until(lambda t: "event: job" in t)
    assert stack.post(f"/api/jobs/{job}/cancel")[0] == 202
    assert x.read_until(lambda t: '"status":"cancelled"' in t)
    assert not x.read_until(lambda t: False), "its end"
    seen = [line[4:] for line in x.text.split("\n") if line.startswith("id: ")][-1]
    assert http("GET", stack.url(f"/api/events?job_id={job}"), headers={"Last-Event-ID": seen})[0] == 204


def test_a_client_that_does_not_read_holds_up_nobody(stack):
    batch = open_batch(stack, 1000)
    lazy = Listener(stack, f"/api/events?batch_id={batch}")
    keen = Listener(stack, f"/api/events?batch_id={batch}")
    for n in range(5):
        stack.upload(*[(f"{n}-{k}.pdf", documents.form(1000 + 50 * n + k)) for k in range(50)], fields=[("batch_id", batch)])
    assert keen.read_until(lambda t: '"pending":250' in t)
    lazy.close()
    keen.close()


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def unsent(stack, listener):
    """Bytes that the gateway has given to the kernel for this client and that are still there."""
    ends = f":{stack.base:04X}", f":{listener.socket.getsockname()[1]:04X}"
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].endswith(ends[0]) and words[2].endswith(ends[1]):
            return int(words[4].split(":")[0], 16)
    return None


def test_a_client_that_reads_again_after_a_pause_costs_no_more_than_others(stack):
    batch = open_batch(stack)
    job, *_ = [row["job_id"] for row in stack.upload(*[(f"{n}.pdf", documents.form(4000 + n)) for n in range(8)], fields=[("batch_id", batch)])[1]["job_ids"]]
    lazy = Listener(stack, f"/api/events?batch_id={batch}", narrow=True)
    wait_for(lambda: unsent(stack, lazy), 30, "its first snapshot")
    for n in range(200):  # snapshots of some 3 kB, until the next one finds no room
        before = unsent(stack, lazy)
        assert stack.post(f"/api/jobs/{job}/{'retry' if n % 2 else 'cancel'}")[0] == 202
        time.sleep(0.3)  # longer than changes are gathered
        if n > 2 and unsent(stack, lazy) - before < 1000:
            break
    assert n < 199
    assert lazy.read_until(lambda t: not select.select([lazy.socket], [], [], 1)[0])
    began = cpu_seconds(stack["gateway"])
    time.sleep(2)
    assert cpu_seconds(stack["gateway"]) - began < 0.5
    lazy.close()


def test_a_status_is_as_fresh_as_an_answer_before_it_and_as_an_event(stack):
    job = stack.upload(("d.pdf", documents.form(4)))[1]["job_ids"][0]["job_id"]
    assert stack.get(f"/api/job_status/{job}")[1]["status"] == "queued"
    assert stack.post(f"/api/jobs/{job}/cancel")[0] == 202
    assert stack.get(f"/api/job_status/{job}")[1]["status"] == "cancelled"
    key = f"sheaf:{{00}}:job:{job}"
    stack.redis.hset(key, "state", "\0".join(["failed", *stack.redis.hget(key, "state").split("\0")[1:]]))
    stack.redis.publish("sheaf:events", f"j {job} 9 none failed")
    wait_for(lambda: stack.get(f"/api/job_status/{job}")[1]["status"] == "failed", 30, "what the event said")


def test_a_poll_of_what_has_not_changed_is_answered_304(stack):
    job = stack.upload(("e.pdf", documents.form(5)))[1]["job_ids"][0]["job_id"]
    status, head, _ = http("GET", stack.url(f"/api/job_status/{job}"))
    again = http("GET", stack.url(f"/api/job_status/{job}"), headers={"If-None-Match": head["ETag"]})
    assert status == 200 and again[0] == 304 and again[2] == b""
    stack.post(f"/api/jobs/{job}/cancel")
    assert http("GET", stack.url(f"/api/job_status/{job}"), headers={"If-None-Match": head["ETag"]})[0] == 200


def test_a_gateway_that_stops_ends_its_streams(stack):
    with Stack("gateway") as s:
        x = Listener(s, f"/api/events?batch_id={open_batch(s)}")
        assert x.read_until(lambda t: "event: batch" in t)
        assert s["gateway"].stop() == 0
        assert not x.read_until(lambda t: False), "its end"
