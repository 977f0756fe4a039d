"""proto/redis/heard.lua: what the documents of a batch call their schools."""

import pytest

from engine import Alone

KEY = "sheaf:{00}:batch:one:heard"
MONTH_MS = 30 * 24 * 3600 * 1000


@pytest.fixture
def heard(server):
    return Alone(server.client, "heard", KEY)


def look(heard, job):
    flat = heard("look", job)
    return dict(zip(flat[::2], flat[1::2]))


def test_a_document_is_told_what_the_others_said_and_not_what_it_said_itself(heard):
    assert heard("say", "a", "Amber Hill", "Brook Vale") == 2
    assert heard("say", "b", "Amber Hill") == 1
    assert look(heard, "c") == {"Amber Hill": 2, "Brook Vale": 1}
    assert look(heard, "a") == {"Amber Hill": 1}
    assert look(heard, "b") == {"Amber Hill": 1, "Brook Vale": 1}


def test_a_document_that_is_worked_on_again_replaces_what_it_said(heard):
    for _ in range(3):
        heard("say", "a", "Amber Hill", "Amber Hill")
    assert look(heard, "b") == {"Amber Hill": 1}
    heard("say", "a", "Cedar Run")
    assert look(heard, "b") == {"Cedar Run": 1}
    assert heard("say", "a") == 0
    assert look(heard, "b") == {} and not heard.redis.exists(KEY, KEY + ":said")


def test_fifty_names_are_told_those_of_most_documents(heard):
    for n in range(60):
        heard("say", f"many {n}", *(f"School {k}" for k in range(n, 60)))
    told = look(heard, "x")
    assert len(told) == 50 and min(told.values()) == 11 and told["School 59"] == 60


def test_a_batch_that_nobody_spoke_of_has_no_names(heard):
    assert heard("look", "a") == []
    assert heard.redis.keys() == []


def test_it_goes_a_month_after_the_last_word(heard):
    heard("say", "a", "Amber Hill")
    for key in (KEY, KEY + ":said"):
        assert MONTH_MS - 60000 < heard.redis.pttl(key) <= MONTH_MS


def test_what_it_does_not_know_is_an_error(heard):
    with pytest.raises(Exception, match="heard"):
        heard("shout", "a")
