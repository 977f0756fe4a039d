"""Messages: sent once however often their task is delivered, and the one window in which they are not."""
import pathlib

import pytest

import documents
from engine import LUA, SHARD, Server, token_of
from stack import TOP, Stack, wait_for

FAULTS = TOP / "build" / "faults"
SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
WITHOUT = tuple(name for name in SIX if name != "notify-svc")
YES, SENT, NEWER, AGAIN = 1, 2, 3, 4


# ---- the claim, on a Redis alone -------------------------------------------------------------------------------------

class Claim:
    def __init__(self, client):
        self.client, self.key = client, SHARD + "mail:smtp:m@sheaf"
        self.script = client.register_script((LUA / "claim.lua").read_text())

    def __call__(self, what, attempt, delivery):
        return self.script(keys=[self.key], args=[what, attempt, delivery])


@pytest.fixture
def claim():
    server = Server()
    yield Claim(server.client)
    server.stop()


def test_claim_is_given_once_and_never_after_it_was_confirmed(claim):
    assert claim("take", 1, 1) == YES
    assert claim("take", 1, 1) == YES  # asked again because the answer was lost
    claim("sent", 1, 1)
    assert claim("take", 1, 2) == SENT and claim("take", 2, 1) == SENT


def test_claim_is_remembered_for_as_long_as_somebody_asks_about_it(claim):
    claim("sent", 1, 1)
    claim.client.pexpire(claim.key, 60000)
    claim("take", 1, 2)
    assert claim.client.pttl(claim.key) > 60000


def test_claim_without_confirmation_is_given_again_and_said_to_be_in_doubt(claim):
    claim("take", 1, 1)
    assert claim("take", 1, 2) == AGAIN
    assert claim("take", 2, 1) == AGAIN


def test_claim_of_a_thawed_older_delivery_is_refused(claim):
    claim("take", 2, 1)
    assert claim("take", 1, 9) == NEWER
    claim("drop", 1, 9)  # and it frees nothing
    assert claim("take", 1, 9) == NEWER


def test_claim_that_was_dropped_leaves_nothing_in_doubt(claim):
    claim("take", 1, 1)
    claim("drop", 1, 1)
    assert claim("take", 1, 2) == YES


def test_claim_confirmed_by_whoever_sent_it_counts_although_a_newer_one_has_it(claim):
    claim("take", 1, 1)
    claim("take", 1, 2)
    claim("sent", 1, 1)
    assert claim("take", 1, 2) == SENT


# ---- the service: two replicas with an outbox each, so that the folder's own idempotence does not help -------------------

def outbox(stack, replica):
    return sorted(p.name for p in pathlib.Path(stack.folder).glob(f"{replica}/outbox/*.eml"))


@pytest.mark.parametrize("point, first, second, again", [
    ("before_send", 0, 1, 0),     # nothing was claimed
    ("before_confirm", 1, 1, 1),  # the window: it may go twice, under one name, and that is counted
    ("after_send", 1, 0, 0),      # confirmed: the next delivery sends nothing
])
def test_message_of_a_replica_that_dies(point, first, second, again):
    with Stack(*WITHOUT, SHEAF_OCR="null") as stack:
        stack.start("notify-svc", label="one", build=FAULTS, SHEAF_FAULT=point, SHEAF_VAR=stack.folder + "/one")
        status, answer = stack.upload(("a.pdf", documents.pdf([["a page"]])))
        assert status == 202
        job = answer["job_ids"][0]["job_id"]
        wait_for(lambda: stack["one"].process.poll() is not None, 60, "its death")
        assert len(outbox(stack, "one")) == first
        stack.start("notify-svc", label="two", SHEAF_VAR=stack.folder + "/two")
        wait_for(lambda: token_of(stack.redis, job, "notify"), 60, "the notify task's end")
        assert len(outbox(stack, "two")) == second
        assert {name.split(".")[0] for name in outbox(stack, "one") + outbox(stack, "two")} == {job}
        assert stack.log("two").count('"message_again"') == again
        assert [stack.redis.get(k) for k in stack.redis.scan_iter(SHARD + "mail:*")] == ["sent"]


def test_message_waits_while_redis_cannot_say_who_sends_it():
    claims = Server()  # a Redis of its own, so that only the claims are without one
    claims.process.kill()
    claims.process.wait(30)
    with Stack(*WITHOUT, SHEAF_OCR="null") as stack:
        stack.start("notify-svc", REDIS_URL="unix://" + claims.socket)
        status, answer = stack.upload(("a.pdf", documents.pdf([["a page"]])))
        assert stack.batch_done(answer["batch_id"])["completed"] == 1
        later = wait_for(lambda: stack.redis.zrange(SHARD + "later", 0, -1), 60, "the message put off")
        type, _, _, job, run, index, attempt, losses = later[0].split()[:8]
        assert (type, attempt, losses) == ("notify", "1", "0") and not outbox(stack, "var")  # nothing was spent
        claims.start()
        wait_for(lambda: outbox(stack, "var"), 60, "the message")
        key = next(claims.client.scan_iter(SHARD + "mail:outbox:*"))
        assert job in key and claims.client.pttl(key) > 6 * 86400_000
    claims.stop()
