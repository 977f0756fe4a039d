"""proto/redis/throttle.lua: when a provider may be called, agreed upon between replicas. On Redis's own clock."""
import time

import pytest

from engine import Alone
from stack import wait_for

KEY = "sheaf:throttle:widgets"
WHY = "Waiting for Widgets."


class Throttle(Alone):
    """Answers [ms to wait, 1 when paused, why]; `opened`: how often in a row the breaker opened, as it was said last."""

    def __call__(self, *argv):
        *answer, self.opened = super().__call__(*argv)
        return answer


@pytest.fixture
def throttle(server):
    return Throttle(server.client, "throttle", KEY)


def passed(throttle, began=0):
    """Milliseconds by Redis's clock since `began`; a busy machine may let any number pass between two calls."""
    seconds, micros = throttle.redis.time()
    return seconds * 1000 + micros / 1000 - began


def admit(throttle, *rates):
    return throttle("admit", 2000, *rates)


def fail(throttle, times=1):
    for _ in range(times):
        answer = throttle("fail", "extract", WHY)
    return answer


def end_of_pause(throttle):
    """As if the time had passed."""
    throttle.redis.hset(KEY, "until", 0)


def set_back(throttle, ms=3600000):
    """As if Redis's clock were so much behind what it said until now."""
    for field, value in throttle.redis.hgetall(KEY).items():
        if field in ("until", "probe", "seen") or field.startswith("at"):
            throttle.redis.hset(KEY, field, int(float(value)) + ms)


def test_who_is_not_paused_may_go_at_once(throttle):
    assert admit(throttle) == [0, 0, ""]
    assert throttle("look") == [0, 0, ""]


def test_a_pause_holds_for_everybody_and_says_why(throttle):
    began = passed(throttle)
    assert throttle("pause", 40000, "extract", WHY) == [40000, 1, WHY]
    wait, paused, why = admit(throttle)
    assert 39999 - passed(throttle, began) <= wait <= 40000 and paused == 1 and why == WHY
    assert throttle.redis.hget(KEY, "types") == "extract"
    assert throttle.redis.pttl(KEY) > 40000


def test_a_pause_is_never_shortened_but_made_longer(throttle):
    throttle("pause", 40000, "extract", WHY)
    assert throttle("pause", 1000, "extract", "shorter")[0] > 10000
    assert throttle("pause", 50000, "extract", "longer")[0] == 50000
    assert throttle("look")[2] == "longer"


def test_a_call_that_succeeds_during_a_pause_does_not_lift_it(throttle):
    throttle("pause", 40000, "extract", WHY)
    assert throttle("done")[0] > 10000


def test_a_pause_ends_by_itself(throttle):
    throttle("pause", 50, "extract", WHY)
    wait_for(lambda: admit(throttle)[0] == 0, what="the end of the pause")


def test_four_failures_do_not_open_the_breaker_and_a_success_forgets_them(throttle):
    assert fail(throttle, 4)[0] == 0
    throttle("done")
    assert fail(throttle, 4)[0] == 0
    assert admit(throttle)[0] == 0


def test_the_fifth_failure_in_a_row_opens_the_breaker_for_everybody(throttle):
    assert fail(throttle, 5) == [5000, 1, WHY]
    assert admit(throttle)[1:] == [1, WHY]


def test_failures_of_calls_from_before_the_pause_do_not_make_it_longer(throttle):
    fail(throttle, 5)
    assert fail(throttle, 20)[0] <= 5000


def test_after_the_breakers_pause_one_call_goes_first_and_the_others_wait_for_it(throttle):
    fail(throttle, 5)
    end_of_pause(throttle)
    assert admit(throttle)[0] == 0
    assert admit(throttle) == [500, 1, WHY]
    throttle("done")
    assert admit(throttle) == [0, 0, ""] and admit(throttle) == [0, 0, ""]


def test_when_the_first_call_fails_again_the_breaker_stays_open_twice_as_long(throttle):
    fail(throttle, 5)
    for expected in (10000, 20000, 40000, 60000, 60000):
        end_of_pause(throttle)
        assert admit(throttle)[0] == 0
        assert fail(throttle)[0] == expected
    assert throttle.opened == 6
    admit(throttle)
    assert throttle.opened == 6, "whoever is told to wait learns it, too"
    throttle("done")
    assert throttle.opened == 0


def test_a_first_call_whose_process_died_is_not_waited_for_for_ever(throttle):
    fail(throttle, 5)
    end_of_pause(throttle)
    assert throttle("admit", 50)[0] == 0
    wait_for(lambda: throttle("admit", 50)[0] == 0, what="another first call")


def test_a_first_call_that_was_broken_off_leaves_its_place_to_another(throttle):
    fail(throttle, 5)
    end_of_pause(throttle)
    assert admit(throttle)[0] == 0
    throttle("drop")
    assert admit(throttle)[0] == 0


def test_a_429_of_the_first_call_is_a_pause_and_closes_the_breaker(throttle):
    fail(throttle, 5)
    end_of_pause(throttle)
    admit(throttle)
    throttle("pause", 7000, "extract", WHY)
    end_of_pause(throttle)
    assert admit(throttle)[0] == 0 and admit(throttle)[0] == 0


def test_a_bucket_lets_its_burst_through_and_then_keeps_the_rate(throttle):
    rate = (6, 3, 1)
    began = passed(throttle)
    assert [admit(throttle, *rate)[0] for _ in range(3)] == [0, 0, 0]
    wait, paused, why = admit(throttle, *rate)
    assert 9999 - passed(throttle, began) <= wait <= 10000 and paused == 0 and why == ""


def test_a_bucket_fills_with_time(throttle):
    rate = (600, 1, 1)
    began = time.monotonic()
    assert admit(throttle, *rate)[0] == 0
    wait_for(lambda: admit(throttle, *rate)[0] == 0, what="the next turn")
    assert time.monotonic() - began > 0.09


def test_of_two_rates_the_scarcer_decides_and_nothing_is_taken_from_the_other(throttle):
    calls, tokens = (60000, 100, 1), (600, 1000, 600)
    began = passed(throttle)
    assert admit(throttle, *calls, *tokens)[0] == 0
    wait = admit(throttle, *calls, *tokens)[0]
    assert 19999 - passed(throttle, began) <= wait <= 20000
    assert float(throttle.redis.hget(KEY, "held3")) == 99


def test_a_cost_above_the_burst_goes_when_the_bucket_is_full(throttle):
    began = passed(throttle)
    assert admit(throttle, 60, 10, 5000)[0] == 0
    wait = admit(throttle, 60, 10, 5000)[0]
    assert 9999 - passed(throttle, began) <= wait <= 10000


def test_a_clock_that_is_set_back_keeps_nobody_for_as_long_as_the_step_was(throttle):
    rate = (6, 1, 1)
    assert admit(throttle, *rate)[0] == 0
    set_back(throttle)
    assert admit(throttle, *rate)[0] == 0
    assert admit(throttle, *rate)[0] > 0, "and the rate holds from then on"
    throttle("pause", 40000, "extract", WHY)
    set_back(throttle)
    assert admit(throttle)[0] == 0
    fail(throttle, 5)
    end_of_pause(throttle)
    assert admit(throttle)[0] == 0
    set_back(throttle)
    assert admit(throttle)[0] == 0 and admit(throttle) == [500, 1, WHY], "another first call, and the others wait for it"


def test_what_it_does_not_know_is_an_error(throttle):
    with pytest.raises(Exception, match="not known"):
        throttle("fly")
